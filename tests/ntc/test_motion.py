"""Chains of warps; block matching finds what was moved."""

import jax.numpy as jnp
import numpy as np
from scipy.ndimage import gaussian_filter

from vqvae_jax.ntc.motion import HINTS, chain, hints


def test_a_chain_repeats_the_last_frame_and_adds_up_motion_and_changes():
    last = np.random.default_rng(1).normal(size=(1, 16, 16, 3))
    flow, change = np.zeros((1, 4, 4, 4, 2)), np.zeros((1, 4, 16, 16, 3))

    def chained():
        return np.asarray(chain(*(jnp.asarray(part, jnp.float32) for part in (last, flow, change))))[0]

    np.testing.assert_array_equal(chained(), np.repeat(last, 4, axis=0).astype(np.float32))
    flow[..., 0], change[0, 1] = 1.0, 5.0
    expected = [last[0, 1:], last[0, 2:] + 5, last[0, 3:] + 5, last[0, 4:] + 5]
    for frame, wanted in zip(chained(), expected, strict=True):
        np.testing.assert_allclose(frame[: len(wanted) - 4, :-4], wanted[:-4, :-4], atol=1e-5)


def test_block_matching_finds_a_shift_and_what_is_left():
    noise = gaussian_filter(np.random.default_rng(2).normal(size=(1, 32, 32, 3)), (0, 2, 2, 0))
    before = (noise / np.abs(noise).max()).astype(np.float32)
    after = np.roll(before, (2, -3), axis=(1, 2))
    frames = jnp.asarray(np.stack([before, after], axis=1))
    seen = np.asarray(hints(frames, 5))[0]
    assert seen.shape == (2, 8, 8, HINTS) and not seen[0].any()
    np.testing.assert_array_equal(np.asarray(hints(frames[:, 1:], 5, frames[:, 0]))[0, 0], seen[1])
    found = seen[1]
    inner = found[2:-2, 2:-2]
    np.testing.assert_allclose(np.median(inner[..., :2], axis=(0, 1)) * 5, [-2, 3], atol=0.1)
    assert inner[..., 2].max() < 0.02 < inner[..., 3].min()
    assert np.abs(inner[..., 4:]).mean() < 0.05 < np.abs(after - before).mean()
