"""Codebook use against numpy and scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from vqvae_jax.metrics.codebook_health import count_indices, dead_count, merge_counts, perplexity, usage_share


def test_counts_equal_bincount_and_skip_masked_clips():
    indices = np.random.default_rng(0).integers(0, 32, (4, 3, 5, 5))
    count = jax.jit(count_indices, static_argnums=1)
    assert np.array_equal(count(indices, 40), np.bincount(indices.ravel(), minlength=40))
    mask = np.array([True, False, True, False])
    assert np.array_equal(count(indices, 40, mask), np.bincount(indices[mask].ravel(), minlength=40))


def test_counts_of_batches_add_up_beyond_int32():
    half = jnp.full(3, 2**31 - 1, jnp.int32)
    assert merge_counts(merge_counts(None, half), half).tolist() == [2**32 - 2] * 3


def test_perplexity_equals_scipy_and_its_limits():
    counts = jnp.asarray([5, 0, 3, 2, 7, 0, 1])
    assert perplexity(counts) == pytest.approx(np.exp(scipy_entropy(np.asarray(counts))), rel=1e-5)
    assert perplexity(jnp.ones(1024)) == pytest.approx(1024, rel=1e-4)
    assert perplexity(jnp.asarray([0, 4, 0])) == 1.0
    assert perplexity(jnp.zeros(8)) == 1.0


def test_usage_and_dead_codes():
    counts = jnp.asarray([1.0, 0.0, 0.02, 3.0])
    assert usage_share(counts) == 0.75
    assert dead_count(counts) == 1
    assert dead_count(counts, threshold=0.03) == 2
