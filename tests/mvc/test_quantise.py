"""Grids of weights: bounds, idempotence, bits and gradients against scipy and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vqvae_jax.mvc.quantise import (
    Learned,
    codes,
    density_bits,
    learned_from,
    range_grid,
    step_grid,
    through_range,
    through_step,
    values,
)


def tensor(shape=(3, 3, 4, 6), seed=0):
    return np.random.default_rng(seed).normal(0.01, 0.2, shape).astype(np.float32)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("axis", ["tensor", "out"])
@pytest.mark.parametrize("bits", [1, 6, 8, 12])
def test_values_are_within_half_a_step_and_stay_where_they_are(bits, axis, half):
    x = tensor()
    grid = range_grid(x, bits, axis, half)
    numbers = codes(x, grid)
    found = values(numbers, grid)
    assert grid.step.shape == (() if axis == "tensor" else (6,)) and found.dtype == np.float32
    assert np.all(np.abs(found.astype(np.float64) - x) <= grid.step / 2 + 1e-7)
    assert numbers.min() >= 0 and numbers.max() <= 2**bits - 1
    np.testing.assert_array_equal(codes(found, grid), numbers)
    if half:
        for part in (grid.minimum, grid.step):
            np.testing.assert_array_equal(part.astype(np.float16).astype(np.float32), part)
    else:
        assert numbers.max() == 2**bits - 1 and numbers.min() == 0


def test_a_constant_tensor_is_one_value():
    x = np.full((4, 5), 0.3, np.float32)
    grid = range_grid(x, 8)
    assert grid.step == 0
    np.testing.assert_array_equal(values(codes(x, grid), grid), x)
    assert not codes(x, grid).any()


def test_a_learned_step_gives_its_multiples_in_as_many_levels_as_there_are():
    x = tensor()
    grid = step_grid(x, 0.03)
    numbers = codes(x, grid)
    assert numbers.min() == 0 and numbers.max() == grid.levels - 1
    np.testing.assert_allclose(values(numbers, grid), 0.03 * np.round(x / np.float32(0.03)), atol=1e-6)


def test_training_sees_what_files_have():
    x = tensor()
    for axis in ("tensor", "out"):
        grid = range_grid(x, 7, axis)
        np.testing.assert_allclose(through_range(jnp.asarray(x), 7, axis), values(codes(x, grid), grid), atol=1e-6)
    grid = step_grid(x, 0.03)
    found = through_step(jnp.asarray(x), jnp.log(jnp.float32(0.03)))
    np.testing.assert_allclose(found, values(codes(x, grid), grid), atol=1e-6)
    gradient = jax.grad(lambda y: jnp.sum(through_range(y, 7) * x))(jnp.asarray(x))
    np.testing.assert_allclose(gradient, x, rtol=1e-6)


def test_a_steps_gradient_is_the_rounding_of_every_value():
    x = jnp.asarray(tensor((50,)))
    found = jax.grad(lambda log_step: jnp.sum(through_step(x, log_step)))(jnp.log(0.05))
    # d/dstep of step round(x / step) at fixed numbers, less what straight through gives x / step; times the step.
    np.testing.assert_allclose(found, 0.05 * np.sum(np.round(x / 0.05) - x / 0.05), rtol=1e-4)


@pytest.mark.parametrize(
    ("density", "law"), [("laplace", stats.laplace), ("logistic", stats.logistic), ("gaussian", stats.norm)]
)
def test_bits_are_those_of_scipys_distribution(density, law):
    x, step, mean, scale = tensor((200,)), 0.07, 0.02, 0.15
    learned = Learned(*(jnp.full(200, value, jnp.float32) for value in (np.log(step), mean, np.log(scale))))
    middle = step * np.round(x / np.float32(step)).astype(np.float64)
    chance = law.cdf((middle + step / 2 - mean) / scale) - law.cdf((middle - step / 2 - mean) / scale)
    found = density_bits(jnp.asarray(x), learned, density)
    np.testing.assert_allclose(found, -np.log2(chance).sum(), rtol=1e-4)
    noisy = density_bits(jnp.asarray(x), learned, density, jax.random.key(0))
    np.testing.assert_allclose(noisy, found, rtol=0.05)


@pytest.mark.parametrize("density", ["laplace", "logistic", "gaussian"])
def test_bits_have_the_gradients_of_finite_differences(density):
    x = jnp.asarray(tensor((40,)))
    learned = learned_from([x], 5, density)
    key = jax.random.key(3)
    found = jax.grad(lambda y: density_bits(x, y, density, key))(learned)
    for name in Learned._fields:

        def at(change, name=name):
            return density_bits(x, learned._replace(**{name: getattr(learned, name) + change}), density, key)

        expected = (at(1e-3) - at(-1e-3)) / 2e-3
        np.testing.assert_allclose(getattr(found, name)[0], expected, rtol=0.03, atol=0.05)


def test_densities_begin_at_the_tensors_own_spread():
    rng = np.random.default_rng(1)
    for density, law in (("laplace", stats.laplace), ("logistic", stats.logistic), ("gaussian", stats.norm)):
        x = law.rvs(0.1, 0.3, 20000, random_state=rng).astype(np.float32)
        learned = learned_from([jnp.asarray(x)], 8, density)
        np.testing.assert_allclose(np.exp(learned.log_scale[0]), 0.3, rtol=0.03)
        np.testing.assert_allclose(learned.mean[0], 0.1, atol=0.02)
        np.testing.assert_allclose(np.exp(learned.log_step[0]), np.ptp(x) / 255, rtol=1e-4)
