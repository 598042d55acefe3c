"""Warps against SciPy's interpolation; block matching finds what was moved."""

import jax.numpy as jnp
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from vqvae_jax.ntc.motion import HINTS, hints, predict, warp


def test_a_warp_is_bilinear_interpolation():
    rng = np.random.default_rng(0)
    picture, flow = rng.normal(size=(1, 12, 16, 3)), rng.uniform(-5, 5, (1, 2, 12, 16, 2))
    found = np.asarray(warp(jnp.asarray(picture, jnp.float32), jnp.asarray(flow, jnp.float32)))
    y, x = np.mgrid[:12, :16].astype(float)
    for frame in range(2):
        at = np.clip(y + flow[0, frame, ..., 0], 0, 11), np.clip(x + flow[0, frame, ..., 1], 0, 15)
        for channel in range(3):
            expected = map_coordinates(picture[0, ..., channel], at, order=1, mode="nearest")
            # Just inside of the last pixel, so that there is a next one.
            np.testing.assert_allclose(found[0, frame, ..., channel], expected, atol=0.01)


def test_no_motion_takes_the_last_frame_over():
    last = jnp.asarray(np.random.default_rng(1).normal(size=(1, 8, 8, 3)), jnp.float32)
    still = jnp.broadcast_to(jnp.asarray([0.0, 0.0, 50.0]), (1, 4, 2, 2, 3))
    found = np.asarray(predict(last, still))[0]
    np.testing.assert_allclose(found[:, :-1, :-1], np.repeat(last, 4, axis=0)[:, :-1, :-1], atol=1e-5)


def test_block_matching_finds_a_shift_and_what_is_left():
    noise = gaussian_filter(np.random.default_rng(2).normal(size=(1, 32, 32, 3)), (0, 2, 2, 0))
    before = (noise / np.abs(noise).max()).astype(np.float32)
    after = np.roll(before, (2, -3), axis=(1, 2))
    found = np.asarray(hints(jnp.asarray(before), jnp.asarray(after[:, None]), 5))[0, 0]
    assert found.shape == (8, 8, HINTS)
    inner = found[2:-2, 2:-2]
    np.testing.assert_allclose(np.median(inner[..., :2], axis=(0, 1)) * 5, [-2, 3], atol=0.1)
    assert inner[..., 2].max() < 0.02 < inner[..., 3].min()
    assert np.abs(inner[..., 4:]).mean() < 0.05 < np.abs(after - before).mean()
