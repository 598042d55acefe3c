"""What depends on the rate: tables with a row for each trained lambda, interpolated between them."""

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.ntc.config import RATE_STEPS


def at_rate(table_LC: Array, rate_B: Array) -> Array:
    """Rows between a table's, by rate number: [B, C]."""
    place = jnp.clip(rate_B // RATE_STEPS, 0, table_LC.shape[0] - 2).astype(jnp.int32)
    part = (rate_B - place * RATE_STEPS).astype(jnp.float32)[:, None] / RATE_STEPS
    return table_LC[place] * (1 - part) + table_LC[place + 1] * part


def spread_rates(key: Array, batch: int, rates: int) -> Array:
    """[batch] int32 rate numbers, one at random out of each of `batch` equal parts of the range."""
    places = (jnp.arange(batch) + jax.random.uniform(key, (batch,))) / batch
    return jnp.minimum((places * rates).astype(jnp.int32), rates - 1)
