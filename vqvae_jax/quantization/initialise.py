"""First codes: rows drawn from encoder outputs, once in a run's life."""

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.quantization.codebook import Codebook


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
