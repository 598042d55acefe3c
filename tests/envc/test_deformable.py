"""Deformable convolution: a plain one without offsets, its sum written out with them."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.ndimage import map_coordinates

from vqvae_jax.envc.deformable import TAPS, DeformableConv

CHANNELS, GROUPS = 16, 8
X = np.random.default_rng(0).normal(size=(1, 5, 6, CHANNELS)).astype(np.float32)


def made(offsets):
    module = DeformableConv()
    weights = module.init(jax.random.key(0), X, jnp.zeros((1, 5, 6, GROUPS * TAPS * 2)))
    return np.asarray(module.apply(weights, X, jnp.asarray(offsets, jnp.float32))), weights["params"]["kernel"]


def test_without_offsets_it_is_a_convolution():
    found, kernel = made(np.zeros((1, 5, 6, GROUPS * TAPS * 2)))
    plain = lax.conv_general_dilated(X, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)


def test_every_tap_of_every_group_has_its_own_place():
    offsets = np.random.default_rng(1).uniform(-3, 3, (1, 5, 6, GROUPS, TAPS, 2))
    found, kernel = made(offsets.reshape(1, 5, 6, -1))
    kernel = np.asarray(kernel, np.float64).reshape(TAPS, CHANNELS, CHANNELS)
    row, column = np.mgrid[:5, :6]
    expected = np.zeros((5, 6, CHANNELS))
    for tap, channel in np.ndindex(TAPS, CHANNELS):
        down, right = np.moveaxis(offsets[0, :, :, channel // 2, tap], -1, 0)
        at = row + tap // 3 - 1 + down, column + tap % 3 - 1 + right
        read = map_coordinates(X[0, ..., channel].astype(float), at, order=1, mode="grid-constant")
        expected += read[..., None] * kernel[tap, channel]
    np.testing.assert_allclose(found[0], expected, atol=1e-4)
