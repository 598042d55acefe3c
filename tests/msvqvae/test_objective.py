"""The objective's gradient and statistics on one device: who gets a gradient, micro-batches, the terms' weights."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from narrow_models import FAMILY, narrow, random_clips, started

from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.model import apply_model
from vqvae_jax.msvqvae.objective import objective, training_loss
from vqvae_jax.precision import normalise
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.mapping import DeviceMap

DEVICES = DeviceMap("shard_map", jax.devices()[:1])
DROP = np.asarray([False, True, False, False])


@cache
def gradients(config, microbatches=1):
    """`GlobalGradients` of four clips, the second of them with its bottom codes dropped."""
    model, params, books = started(config)

    def per_device(params, books, clips, drop):
        loss = training_loss(model, LossConfig(gamma=0.0), books, None, jnp.float32(0), step=0, samples=2)
        return (global_gradients(loss, params, (clips, drop), microbatches),)

    drop = None if config.top is None else DROP
    return DEVICES.map(per_device, (False, False, True, True), (False,))(
        params, books, random_clips(4, config.clip), drop
    )[0]


@pytest.mark.parametrize("name", FAMILY)
def test_every_parameter_gets_a_gradient(name):
    grads = gradients(narrow(name)).params
    _, params, _ = started(narrow(name))
    assert jax.tree.structure(grads) == jax.tree.structure(params)
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        assert np.any(leaf != 0), f"{jax.tree_util.keystr(path)} is left out"
        assert np.all(np.isfinite(leaf))


def test_two_microbatches_equal_one():
    whole, parts = gradients(narrow("tiny")), gradients(narrow("tiny"), 2)
    (statistics, energies), (in_parts, energies_in_parts) = whole.aux.sums, parts.aux.sums
    for level, counted in statistics.items():
        np.testing.assert_array_equal(in_parts[level].counts, counted.counts)
        np.testing.assert_allclose(in_parts[level].sums, counted.sums, rtol=1e-5, atol=1e-5)
    for found, expected in zip(jax.tree.leaves(parts.params), jax.tree.leaves(whole.params), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max() + 1e-8)
    for name, term in whole.aux.means.items():
        np.testing.assert_allclose(parts.aux.means[name], term, rtol=1e-5)
    for level, energy in energies.items():
        np.testing.assert_allclose(energies_in_parts[level], energy, rtol=1e-5)


def test_samples_come_from_every_microbatch():
    config = narrow("tiny")
    model, params, books = started(config)
    levels = jax.jit(lambda x: apply_model(model, params, normalise(x), books, DROP))(random_clips(4)).levels
    for name, found in gradients(config, 4).aux.samples.items():
        z_BND = np.asarray(levels[name].z).reshape(4, -1, levels[name].z.shape[-1])
        distances = np.linalg.norm(np.asarray(found)[:, None, None] - z_BND, axis=-1).min(axis=-1)
        assert distances.argmin(axis=1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert distances.min(axis=1).max() < 1e-4


def test_statistics_and_errors_are_those_of_the_forward_pass():
    found = gradients(narrow("msvqvae")).aux
    statistics, energies = found.sums
    model, params, books = started(narrow("msvqvae"))
    levels = jax.jit(lambda x: apply_model(model, params, normalise(x), books))(random_clips(4)).levels
    for name, (z, quantized) in levels.items():
        z, indices = np.asarray(z, np.float64).reshape(-1, 4), np.asarray(quantized.indices).reshape(-1)
        one_hot = np.eye(books[name].codes)[indices]
        np.testing.assert_array_equal(statistics[name].counts, one_hot.sum(axis=0))
        np.testing.assert_allclose(statistics[name].sums, one_hot.T @ z, rtol=1e-4, atol=1e-4)
        rows = np.asarray(books[name].embeddings, np.float64)[indices]
        np.testing.assert_allclose(energies[name], [np.sum((z - rows) ** 2), np.sum(z**2)], rtol=1e-4)
        # Samples are encoder outputs.
        distances = np.linalg.norm(np.asarray(found.samples[name])[:, None] - z, axis=-1)
        assert found.samples[name].shape == (2, 4) and distances.min(axis=1).max() < 1e-4


def test_no_gradient_reaches_a_codebook_through_the_whole_objective():
    model, params, books = started(narrow("tiny"))
    x = normalise(random_clips(1))

    def loss(books):
        return objective(LossConfig(gamma=0.0), x, apply_model(model, params, x, books), None, jnp.float32(0))[0]

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(books)):
        np.testing.assert_array_equal(leaf, 0)


@pytest.mark.parametrize("reconstruction", ["l2", "l1"])
def test_the_total_is_the_weighted_sum_of_its_terms(reconstruction):
    model, params, books = started(narrow("tiny"))
    x = normalise(random_clips(2))
    forward = apply_model(model, params, x, books)
    config = LossConfig(reconstruction=reconstruction, beta=2.0, commitment=0.5, gamma=0.0)
    total, terms = objective(config, x, forward, None, jnp.float32(0))
    difference = np.asarray(x, np.float64) - np.asarray(forward.reconstruction, np.float64)
    expected = np.mean(difference**2) if reconstruction == "l2" else np.mean(np.abs(difference))
    committed = sum(
        np.mean((np.asarray(z, np.float64) - np.asarray(q.values, np.float64)) ** 2) for z, q in forward.levels.values()
    )
    np.testing.assert_allclose(terms["reconstruction"], expected, rtol=1e-5)
    np.testing.assert_allclose(terms["squared_error"], np.mean(difference**2), rtol=1e-5)
    np.testing.assert_allclose(terms["commitment"], committed, rtol=1e-5)
    np.testing.assert_allclose(total, expected + 2.0 * 0.5 * committed, rtol=1e-5)


def test_defaults_are_the_papers():
    config = LossConfig()
    assert (config.beta, config.gamma, config.reconstruction) == (1.0, 0.4, "l2")
    assert replace(config, gamma=0.0).layer_divisors == config.layer_means
