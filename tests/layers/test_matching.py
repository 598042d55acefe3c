"""Block matching finds what was moved."""

import jax.numpy as jnp
import numpy as np
from scipy.ndimage import gaussian_filter

from vqvae_jax.layers.matching import match


def test_a_shift_is_found_and_fits():
    noise = gaussian_filter(np.random.default_rng(2).normal(size=(1, 32, 32, 3)), (0, 2, 2, 0))
    before = (noise / np.abs(noise).max()).astype(np.float32)
    found = match(jnp.asarray(before), jnp.asarray(np.roll(before, (2, -3), axis=(1, 2))), 5, 4)
    assert found.flow.shape == (1, 8, 8, 2) and found.best.shape == found.still.shape == (1, 8, 8, 1)
    inner = slice(2, -2)
    np.testing.assert_allclose(np.median(found.flow[0, inner, inner], axis=(0, 1)), [-2, 3], atol=0.1)
    assert float(found.best[0, inner, inner].max()) < 0.4 < float(found.still[0, inner, inner].min())
    assert float(found.certainty[0, inner, inner].min()) > 0.5


def test_costs_are_smoothed_means_of_grey_levels_and_nothing_is_sure_without_motion():
    """By brute force over blocks of 4x4; weights 1 2 1 along both axes, edges repeated."""
    rng = np.random.default_rng(3)
    before, after = rng.uniform(-1, 1, (2, 1, 16, 16, 3)).astype(np.float32)
    grey = np.abs((after - before) @ np.array([0.299, 0.587, 0.114]))[0]
    means = grey.reshape(4, 4, 4, 4).mean(axis=(1, 3)) * 127.5
    wide = np.pad(means, 1, mode="edge")
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    expected = [[(wide[i : i + 3, j : j + 3] * kernel).sum() for j in range(4)] for i in range(4)]
    found = match(jnp.asarray(before), jnp.asarray(after), 0, 4)
    np.testing.assert_allclose(found.still[0, ..., 0], expected, rtol=1e-4)
    np.testing.assert_allclose(found.best, found.still, rtol=1e-6)
    np.testing.assert_array_equal(found.flow, 0)
    assert float(found.certainty.max()) < 0.1


def test_what_lies_outside_is_the_edge_or_black():
    """A bright picture that moved in from the left: its first columns are seen nowhere, or at the repeated edge."""
    ramp = np.linspace(0.2, 0.9, 24, dtype=np.float32)
    before, after = (np.broadcast_to(part[None, None, :, None], (1, 16, 16, 3)) for part in (ramp[4:20], ramp[:16]))
    first = [match(before, after, 4, 4, smooth=False, repeated=repeated).flow[0, 1, 0, 1] for repeated in (True, False)]
    assert first[0] < -0.5 and abs(first[1]) < 0.1
