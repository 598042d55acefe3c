"""The factorized prior against its definition in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.envc.factorized import Factorized
from vqvae_jax.training.state import parameter_count

Z = np.round(np.random.default_rng(0).normal(scale=4, size=(2, 3, 2, 4))).astype(np.float32)


def made(shift=0.0):
    module = Factorized(4)
    weights = module.init(jax.random.key(0), jnp.asarray(Z))
    noise = np.random.default_rng(1)
    return module, jax.tree.map(lambda w: w + shift * noise.normal(size=w.shape).astype(np.float32), weights)


def softplus(x):
    return np.log1p(np.exp(x))


def distribution(weights, channel, value):
    """Of one channel at a number, float64."""
    x = np.array([[float(value)]])
    for n in range(4):
        matrix, bias = (np.asarray(weights[f"{kind}_{n}"][channel], np.float64) for kind in ("matrix", "bias"))
        x = softplus(matrix) @ x + bias
        if n < 3:
            x = x + np.tanh(np.asarray(weights[f"factor_{n}"][channel], np.float64)) * np.tanh(x)
    return 1 / (1 + np.exp(-x[0, 0]))


def test_bits_are_those_of_a_step_of_the_distribution():
    module, weights = made(shift=0.3)
    found = np.asarray(module.apply(weights, jnp.asarray(Z)))
    assert parameter_count(weights) == 43 * 4
    for place in np.ndindex(Z.shape):
        up, down = (distribution(weights["params"], place[-1], Z[place] + half) for half in (0.5, -0.5))
        assert found[place] == pytest.approx(-np.log2(max(up - down, 1e-6)), rel=1e-3)


def test_whole_numbers_have_a_chance_of_one_together():
    module, weights = made()
    values = jnp.broadcast_to(jnp.arange(-200.0, 201.0)[:, None, None, None], (401, 1, 1, 4))
    chances = 2.0 ** -np.asarray(module.apply(weights, values), np.float64)
    np.testing.assert_allclose(chances.sum(axis=0), 1.0, atol=1e-3)


def test_fresh_distributions_are_about_ten_wide():
    _, weights = made()
    steps = np.arange(-100, 100)
    for channel in range(4):
        chance = np.diff([distribution(weights["params"], channel, value) for value in [*steps, 100]])
        mean = np.sum(chance * steps)
        assert 5 < np.sqrt(np.sum(chance * (steps - mean) ** 2)) < 40
