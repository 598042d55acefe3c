"""Codebook use against numpy and scipy."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from vqvae_jax.metrics.codebook_health import perplexity, usage_share


def test_perplexity_equals_scipy_and_its_limits():
    counts = jnp.asarray([5, 0, 3, 2, 7, 0, 1])
    assert perplexity(counts) == pytest.approx(np.exp(scipy_entropy(np.asarray(counts))), rel=1e-5)
    assert perplexity(jnp.ones(1024)) == pytest.approx(1024, rel=1e-4)
    assert perplexity(jnp.asarray([0, 4, 0])) == 1.0
    assert perplexity(jnp.zeros(8)) == 1.0


def test_usage_is_the_share_of_codes_that_occur():
    counts = jnp.asarray([1.0, 0.0, 0.02, 3.0])
    assert usage_share(counts) == 0.75
