"""Gaussian scale space against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter, map_coordinates

from vqvae_jax.envc.scale_space import SLICES, read, volume

slices_of = jax.jit(volume)
PICTURE = np.random.default_rng(0).uniform(size=(1, 32, 48, 2))


def test_the_first_slices_are_the_picture_and_its_blur():
    slices = slices_of(jnp.asarray(PICTURE, jnp.float32))
    assert len(slices) == SLICES == 6 and {s.shape for s in slices} == {PICTURE.shape}
    np.testing.assert_allclose(slices[0], PICTURE, atol=1e-6)
    blurred = gaussian_filter(PICTURE, (0, 1.5, 1.5, 0), mode="nearest", radius=(0, 5, 5, 0))
    np.testing.assert_allclose(slices[1], blurred, atol=1e-5)


def test_later_slices_are_blurred_at_half_the_size_and_brought_back():
    slices = slices_of(jnp.asarray(PICTURE, jnp.float32))
    blurred = np.asarray(slices[1])
    half = blurred.reshape(1, 16, 2, 24, 2, 2).mean(axis=(2, 4))
    expected = gaussian_filter(half, (0, 1.5, 1.5, 0), mode="nearest", radius=(0, 5, 5, 0))
    for axis in (1, 2):  # between pixels of half the size lie a quarter and three
        wide = np.repeat(expected, 2, axis=axis)
        expected = correlate1d(wide, [0.25, 0.5, 0.25], axis=axis, mode="nearest")
    np.testing.assert_allclose(slices[2], expected, atol=1e-5)


def test_constants_stay_and_detail_goes():
    slices = slices_of(jnp.asarray(PICTURE, jnp.float32))
    spread = [float(s.std()) for s in slices]
    assert spread == sorted(spread, reverse=True)
    for found in slices_of(jnp.full(PICTURE.shape, 0.25)):
        np.testing.assert_allclose(found, 0.25, atol=1e-6)


def test_places_and_depths_are_interpolated_along_three_axes():
    rng = np.random.default_rng(1)
    slices = slices_of(jnp.asarray(PICTURE, jnp.float32))
    flow, depth = rng.uniform(-9, 9, (1, 32, 48, 2)), rng.uniform(-1, 6, (1, 32, 48))
    found = jax.jit(read)(slices, jnp.asarray(flow, jnp.float32), jnp.asarray(depth, jnp.float32))
    y, x = np.mgrid[:32, :48]
    limits = (SLICES - 1, 31, 47)
    at = [
        np.clip(p, 0, top) for p, top in zip((depth[0], y + flow[0, ..., 0], x + flow[0, ..., 1]), limits, strict=True)
    ]
    for channel in range(2):
        cube = np.stack([np.asarray(s)[0, ..., channel] for s in slices])
        np.testing.assert_allclose(found[0, ..., channel], map_coordinates(cube, at, order=1), atol=1e-4)


def test_a_depth_outside_has_the_gradient_that_leads_back():
    slices = [jnp.full((1, 2, 2, 1), float(n)) for n in range(SLICES)]

    def total(depth):
        return jnp.sum(read(slices, jnp.zeros((1, 2, 2, 2)), depth))

    outside = jnp.full((1, 2, 2), 5.5)
    assert float(total(outside)) == 20.0
    assert np.all(jax.grad(lambda d: -total(d))(jnp.full((1, 2, 2), -0.5)) <= 0)
    np.testing.assert_allclose(jax.grad(total)(jnp.full((1, 2, 2), 2.5)), 1.0)
