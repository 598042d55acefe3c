"""How codes move without gradients: first codes, exponential moving averages, dead codes that come back to life.

Statistics add up over micro-batches and devices (`add`, `psum`), always taken with the old codebook; one `update`
follows, then a revival. Embedding, count and sum of a code all move: one whose average is left behind dies again at
once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.quantization.codebook import Codebook, first_least

#: Relative size of the step that parts the two halves of a split code.
SPLIT_STEP = 0.01


def initialise(codebook: Codebook, z: Array, key: Array, noise: float = 0.01) -> Codebook:
    """Draws every code from `z` with replacement, plus noise of norm about `noise`; counts start at a fair share.

    With one clip there are only 512 top vectors for 1024 codes: the noise parts the codes that were drawn twice. A
    codebook that is already initialised comes back unchanged.

    Args:
      codebook: K codes of width D.
      z: [..., D], encoder outputs of the *global* batch, so that every device count starts from the same codes.
      key: random key.
      noise: standard deviation of the whole vector; each element gets noise / sqrt(D).
    """
    vectors = z.astype(jnp.float32).reshape(-1, codebook.dim)
    pick_key, noise_key = jax.random.split(key)
    picked = jax.random.choice(pick_key, vectors, shape=(codebook.codes,), replace=True)
    scale = noise / codebook.dim**0.5
    embeddings = picked + scale * jax.random.normal(noise_key, codebook.embeddings.shape, jnp.float32)
    fresh = Codebook(embeddings, jnp.ones_like(codebook.counts), embeddings, jnp.ones((), jnp.float32))
    return jax.tree.map(lambda new, old: jnp.where(codebook.initialized > 0, old, new), fresh, codebook)


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


def split_busiest(codebook: Codebook, threshold: float, at_most: int) -> tuple[Codebook, Array]:
    """Replaces up to `at_most` dead codes by halves of the most used ones (UViM, Kolesnikov et al. 2022).

    One at a time, the least used first: the donor is the busiest code at that moment, its count and sum are halved, the
    dead code takes the other half, and a tiny fixed step parts the two. Deterministic and a function of the
    (replicated) codebook alone, so that devices need not talk.

    Args:
      codebook: after `update`.
      threshold: codes whose count is below are dead; 0.03 is 3 % of a fair share.
      at_most: codes replaced in one call.

    Returns:
      The codebook and the number of codes replaced, int32.
    """
    step = jax.random.normal(jax.random.key(0), (codebook.dim,), jnp.float32)
    step = SPLIT_STEP * step / jnp.linalg.norm(step)

    def some_dead(carry: tuple[Codebook, Array]) -> Array:
        book, revived = carry
        return (jnp.min(book.counts) < threshold) & (revived < at_most)

    def split(carry: tuple[Codebook, Array]) -> tuple[Codebook, Array]:
        book, revived = carry
        dead, donor = first_least(book.counts), first_least(-book.counts)
        half = book.counts[donor] / 2.0
        # Relative to the donor's length: codes of any scale part equally, and a zero donor still does.
        offset = step * (jnp.linalg.norm(book.embeddings[donor]) + 1e-6)
        rows = jnp.stack([donor, dead])
        embeddings = book.embeddings[donor] + jnp.stack([-offset, offset])
        moved = book._replace(
            embeddings=book.embeddings.at[rows].set(embeddings),
            counts=book.counts.at[rows].set(half),
            sums=book.sums.at[rows].set(embeddings * half),
        )
        return moved, revived + 1

    return lax.while_loop(some_dead, split, (codebook, jnp.zeros((), jnp.int32)))


def replace_by_samples(codebook: Codebook, samples: Array, threshold: float) -> tuple[Codebook, Array]:
    """Replaces the least used dead codes by vectors of the batch, which start at a fair share (Dhariwal et al. 2020).

    Args:
      codebook: after `update`.
      samples: [n, D] float32, encoder outputs, the same on every device; at most n codes are replaced.
      threshold: codes whose count is below are dead.

    Returns:
      The codebook and the number of codes replaced, int32.
    """
    rows = jnp.argsort(codebook.counts)[: samples.shape[0]]
    dead = codebook.counts[rows] < threshold
    embeddings = jnp.where(dead[:, None], samples.astype(jnp.float32), codebook.embeddings[rows])
    moved = codebook._replace(
        embeddings=codebook.embeddings.at[rows].set(embeddings),
        counts=codebook.counts.at[rows].set(jnp.where(dead, 1.0, codebook.counts[rows])),
        sums=codebook.sums.at[rows].set(jnp.where(dead[:, None], embeddings, codebook.sums[rows])),
    )
    return moved, jnp.sum(dead).astype(jnp.int32)
