"""Dead codes come back to life. Embedding, count and sum all move: a code whose average is left behind dies again at
once.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.quantization.codebook import Codebook

#: Relative size of the step that parts the two halves of a split code.
SPLIT_STEP = 0.01


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

    def body(_: int, carry: tuple[Codebook, Array]) -> tuple[Codebook, Array]:
        book, revived = carry
        dead, donor = jnp.argmin(book.counts), jnp.argmax(book.counts)
        alive = book.counts[dead] >= threshold
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
        book = jax.tree.map(partial(jnp.where, alive), book, moved)
        return book, revived + jnp.where(alive, 0, 1)

    return lax.fori_loop(0, at_most, body, (codebook, jnp.zeros((), jnp.int32)))


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
