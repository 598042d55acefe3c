"""Moving the codebook: assignment statistics and their exponential moving average.

Statistics add up over micro-batches and devices (`add`, `psum`), always taken with the old codebook; one `update`
follows.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.quantization.codebook import Codebook


class Statistics(NamedTuple):
    """What a batch says about each code. Plain sums, so that they may be added in any order."""

    counts: Array  # [K] float32, vectors assigned to each code
    sums: Array  # [K, D] float32, sum of those vectors


def statistics(indices: Array, z: Array, codes: int) -> Statistics:
    """Counts and sums of the vectors assigned to each code.

    Args:
      indices: [...] int32 in [0, codes).
      z: [..., D], the vectors before quantisation; summed in float32, no gradient.
      codes: K.
    """
    flat = indices.reshape(-1)
    vectors = lax.stop_gradient(z).astype(jnp.float32).reshape(-1, z.shape[-1])
    counts = jax.ops.segment_sum(jnp.ones(flat.shape, jnp.float32), flat, num_segments=codes)
    return Statistics(counts, jax.ops.segment_sum(vectors, flat, num_segments=codes))


def update(codebook: Codebook, batch: Statistics, decay: float, floor: float = 1e-5) -> Codebook:
    """One step of the moving average: c <- d c + (1-d) n, s <- d s + (1-d) S, e = s / c where c > floor.

    n and S are the batch's counts and sums divided by N / K (N vectors in the global batch). A count of 1 is then a
    fair share at any batch size, level and device count, and thresholds on counts mean something.
    """
    share = codebook.codes / jnp.maximum(jnp.sum(batch.counts), 1.0)
    counts = decay * codebook.counts + (1.0 - decay) * share * batch.counts
    sums = decay * codebook.sums + (1.0 - decay) * share * batch.sums
    # Both averages of an unused code fade: s / floor would draw it to the origin, s / c ends as 0 / 0.
    means = sums / jnp.maximum(counts, floor)[:, None]
    embeddings = jnp.where(counts[:, None] > floor, means, codebook.embeddings)
    return codebook._replace(embeddings=embeddings, counts=counts, sums=sums)
