"""Padding a batch never changes a mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.aggregate import RunningMean, clip_means, masked_sum


def test_a_padded_last_batch_gives_the_mean_of_the_real_clips():
    values_BT = np.random.default_rng(0).uniform(20, 40, (7, 6)).astype(np.float32)
    running = RunningMean()
    for start in range(0, 7, 3):
        batch = values_BT[start : start + 3]
        padding = 3 - len(batch)
        padded = np.concatenate([batch, np.full((padding, 6), np.nan, np.float32)])
        running = running.add(jax.jit(masked_sum)(clip_means(padded), np.arange(3) < len(batch)))
    assert running.clips == 7
    assert running.mean() == pytest.approx(values_BT.astype(np.float64).mean(), rel=1e-6)


def test_means_per_position_keep_their_axes_and_merge():
    values_BT = jnp.arange(12.0).reshape(4, 3)
    mask = jnp.asarray([True, True, False, True])
    left = RunningMean().add(masked_sum(values_BT[:2], mask[:2]))
    right = RunningMean().add(masked_sum(values_BT[2:], mask[2:]))
    np.testing.assert_allclose(left.merge(right).mean(), np.asarray(values_BT)[[0, 1, 3]].mean(axis=0))


def test_the_mean_of_nothing_is_an_error():
    with pytest.raises(UserError, match="no clips"):
        RunningMean().add(masked_sum(jnp.ones(2), jnp.zeros(2, bool))).mean()
