"""How well a codebook is used, from counts of its indices. Counts add up: over batches, clips, devices."""

import jax.numpy as jnp
from jax import Array


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
