"""How well a codebook is used, from counts of its indices. Counts add up: over batches, clips, devices."""

import jax.numpy as jnp
import numpy as np
from jax import Array


def count_indices(indices: Array, codebook_size: int, mask_B: Array | None = None) -> Array:
    """How often each code occurs, [K] int32. Merge two of them by adding.

    Args:
      indices: [B, ...] integers in [0, K).
      codebook_size: K, static under jit.
      mask_B: [B] bool; False for clips that only pad the batch. All clips count by default.
    """
    if mask_B is None:
        weights = jnp.ones(indices.shape, jnp.int32)
    else:
        mask = mask_B.astype(jnp.int32).reshape((-1,) + (1,) * (indices.ndim - 1))
        weights = jnp.broadcast_to(mask, indices.shape)
    return jnp.zeros(codebook_size, jnp.int32).at[indices.reshape(-1)].add(weights.reshape(-1))


def merge_counts(total: np.ndarray | None, batch: Array) -> np.ndarray:
    """Adds a batch's counts to a running total on the host, in int64 so that no number of clips overflows."""
    batch64 = np.asarray(batch, np.int64)
    return batch64 if total is None else total + batch64


def perplexity(counts: Array) -> Array:
    """exp of the entropy (nats) of the codes' shares: K if all are used alike, 1 if one (or none) is used.

    Args:
      counts: [K], any numeric type; need not be whole.

    Returns:
      [] float32.
    """
    shares = counts.astype(jnp.float32) / jnp.maximum(jnp.sum(counts.astype(jnp.float32)), 1e-30)
    return jnp.exp(-jnp.sum(jnp.where(shares > 0, shares * jnp.log(jnp.maximum(shares, 1e-30)), 0.0)))


def usage_share(counts: Array) -> Array:
    """Share of the codes that occur at all, [] float32 in [0, 1]."""
    return jnp.mean((counts > 0).astype(jnp.float32))


def dead_count(counts: Array, threshold: float = 0.0) -> Array:
    """How many codes have a count of at most `threshold`, [] int32."""
    return jnp.sum((counts <= threshold).astype(jnp.int32))
