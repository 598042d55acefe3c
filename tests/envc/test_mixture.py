"""Mixtures of Gaussians in closed form; what a position's distribution depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from vqvae_jax.envc.mixture import EntropyParameters, Mixture, mixture, mixture_bits

KEY = jax.random.key(0)


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def one(weights, means, scales):
    """A mixture of a single latent."""
    return Mixture(*(jnp.asarray(part, jnp.float32).reshape(1, 1, 1, 3, 1) for part in (weights, means, scales)))


def bits_of(found, value):
    return float(mixture_bits(found, jnp.full((1, 1, 1, 1), value))[0, 0, 0, 0])


@pytest.mark.parametrize("value", [-3.0, 0.0, 0.3, 2.0])
def test_bits_are_those_of_the_integrated_density(value):
    weights, means, scales = [0.5, 0.3, 0.2], [0.0, 1.5, -2.0], [0.11, 1.0, 4.0]
    chances = norm.cdf(value + 0.5, means, scales) - norm.cdf(value - 0.5, means, scales)
    expected = -np.log2(np.sum(weights * np.maximum(chances, 1e-6)))
    assert bits_of(one(weights, means, scales), value) == pytest.approx(expected, rel=1e-5)


def test_whole_numbers_have_a_chance_of_one_together():
    found = one([0.2, 0.3, 0.5], [0.4, -1.0, 2.2], [0.5, 1.5, 0.3])
    assert sum(2 ** -bits_of(found, float(value)) for value in range(-12, 13)) == pytest.approx(1.0, abs=1e-4)


def test_far_away_the_floor_holds_and_its_gradient_leads_back():
    def bits(means):
        return mixture_bits(one([1 / 3] * 3, means, [0.5] * 3), jnp.full((1, 1, 1, 1), 40.0))[0, 0, 0, 0]

    assert float(bits(jnp.zeros(3))) == pytest.approx(-np.log2(1e-6), rel=1e-5)
    # Nearer, where the density is not yet zero in float32: the means move towards the value.
    gradient = jax.grad(lambda m: mixture_bits(one([1 / 3] * 3, m, [0.5] * 3), jnp.full((1, 1, 1, 1), 4.0))[0, 0, 0, 0])
    assert np.all(gradient(jnp.zeros(3)) < 0)


def test_nine_chunks_are_weights_means_and_scales_of_three_components():
    raw = np.random.default_rng(0).normal(size=(1, 2, 2, 9 * 5)) * 3
    found = mixture(jnp.asarray(raw, jnp.float32))
    chunks = raw.reshape(1, 2, 2, 9, 5)
    powers = np.exp(chunks[..., :3, :])
    np.testing.assert_allclose(found.weights, powers / powers.sum(axis=-2, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(found.means, chunks[..., 3:6, :], rtol=1e-6)
    scales = np.maximum(np.log1p(np.exp(chunks[..., 6:, :])), 0.11)
    np.testing.assert_allclose(found.scales, scales, rtol=1e-4)


def made(ar, hyper=True):
    module = EntropyParameters(3, ar)
    arguments = normal(1, (1, 5, 6, 6)) if hyper else None, jnp.round(2 * normal(2, (1, 5, 6, 3)))
    return module, module.init(KEY, *arguments), arguments


def test_a_position_with_context_is_unaffected_by_itself_and_what_comes_later():
    module, weights, (hyper, known) = made(ar=True)
    before = module.apply(weights, hyper, known)
    here = 2 * 6 + 3  # of a scan, row after row
    later = np.arange(30).reshape(1, 5, 6, 1) >= here
    changed = module.apply(weights, hyper, jnp.where(later, known + 7, known))
    for a, b in zip(before, changed, strict=True):
        flat = (np.asarray(part).reshape(30, -1) for part in (a, b))
        a, b = flat
        np.testing.assert_array_equal(a[: here + 1], b[: here + 1])
        assert np.any(a[here + 1] != b[here + 1])


@pytest.mark.parametrize("hyper", [True, False])
def test_positions_one_by_one_have_the_same_distributions(hyper):
    module, weights, (said, known) = made(ar=True, hyper=hyper)
    wide = jnp.pad(known[0], ((2, 2), (2, 2), (0, 0)))
    windows = jnp.stack([wide[i : i + 5, j : j + 5] for i in range(5) for j in range(6)])
    alone = module.apply(weights, None if said is None else said.reshape(30, 1, 1, 6), windows, windows=True)
    for a, b in zip(module.apply(weights, said, known), alone, strict=True):
        np.testing.assert_allclose(np.asarray(a).reshape(b.shape), b, rtol=1e-4, atol=1e-5)


def test_without_context_latents_are_not_looked_at():
    module, weights, (hyper, known) = made(ar=False)
    a, b = module.apply(weights, hyper, known), module.apply(weights, hyper, None)
    np.testing.assert_array_equal(a.means, b.means)
