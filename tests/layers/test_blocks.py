"""Residual blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.layers.blocks import ResidualBlock, ResidualStack

X = np.random.default_rng(0).standard_normal((1, 7, 7, 7, 4)).astype(np.float32)


def shapes(module):
    return jax.eval_shape(module.init, jax.random.key(0), X)


@pytest.mark.parametrize(("kind", "kernels"), [("full", [(3, 3, 3), (1, 1, 1)]), ("factored", [(1, 3, 3), (3, 1, 1)])])
def test_kernels_of_both_kinds(kind, kernels):
    params = shapes(ResidualBlock(6, kind))["params"]
    assert params["conv_in"]["kernel"].shape == (*kernels[0], 4, 6)
    assert params["conv_out"]["kernel"].shape == (*kernels[1], 6, 4)


@pytest.mark.parametrize("kind", ["full", "factored"])
def test_a_position_sees_its_3x3x3_neighbourhood_and_no_more(kind):
    block = ResidualBlock(6, kind)
    rng = np.random.default_rng(1)
    variables = jax.tree.map(lambda s: rng.standard_normal(s.shape).astype(np.float32), shapes(block))
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(block.apply(variables, x)[0, 3, 3, 3])))(X)
    seen = np.argwhere(np.any(gradient[0] != 0, axis=-1))
    np.testing.assert_array_equal(seen.min(axis=0), [2, 2, 2])
    np.testing.assert_array_equal(seen.max(axis=0), [4, 4, 4])


def test_block_adds_to_its_input():
    block = ResidualBlock(6)
    silent = jax.tree.map(lambda s: jnp.zeros(s.shape), shapes(block))
    np.testing.assert_array_equal(block.apply(silent, X), X)


def test_nothing_is_normalised_behind_a_stack():
    """Brightness is a length: what follows must still see it."""
    np.testing.assert_array_equal(ResidualStack(0, 6).apply({}, X), X)
    assert set(shapes(ResidualStack(2, 6))["params"]) == {"block_0", "block_1"}


def test_groups_keep_channels_apart_inside_a_convolution():
    grouped = shapes(ResidualBlock(8, groups=4))["params"]
    assert grouped["conv_in"]["kernel"].shape == (3, 3, 3, 1, 8)
    assert grouped["conv_out"]["kernel"].shape == (1, 1, 1, 2, 4)
