"""Means that a padded last batch never biases: over frames first, then over the clips that a mask lets through."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.errors import UserError


class MaskedSum(NamedTuple):
    """Sum and number of the clips seen, from one device batch; `psum` of both fields merges devices."""

    total: Array  # [...] float32, sum over clips
    clips: Array  # [] float32, number of clips


def masked_sum(values_B: Array, mask_B: Array) -> MaskedSum:
    """Sums values [B, ...] over the clips where `mask_B` [B] is True. Masked values may be NaN or infinite."""
    mask = mask_B.astype(bool)
    kept = jnp.where(mask.reshape((-1,) + (1,) * (values_B.ndim - 1)), values_B.astype(jnp.float32), 0.0)
    return MaskedSum(jnp.sum(kept, axis=0), jnp.sum(mask.astype(jnp.float32)))


def clip_means(values_BT: Array) -> Array:
    """Mean over frames: [B, T] -> [B] float32, the first of the two means of every figure per frame."""
    return jnp.mean(values_BT.astype(jnp.float32), axis=1)


class RunningMean(NamedTuple):
    """Mean over clips across batches, kept on the host in float64; merging is exact in any order up to rounding."""

    total: np.ndarray | float = 0.0  # [...] float64
    clips: float = 0.0

    def add(self, batch: MaskedSum) -> "RunningMean":
        return RunningMean(self.total + np.asarray(batch.total, np.float64), self.clips + float(batch.clips))

    def merge(self, other: "RunningMean") -> "RunningMean":
        return RunningMean(self.total + other.total, self.clips + other.clips)

    def mean(self) -> np.ndarray:
        """The mean, [...] float64.

        Raises:
          UserError: if no clip was added.
        """
        if not self.clips:
            raise UserError("metrics: no clips to average; the split is empty or every clip was masked")
        return np.asarray(self.total / self.clips)
