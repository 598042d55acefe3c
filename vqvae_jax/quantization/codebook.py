"""The codebook: state, nearest-neighbour search, straight-through estimator. float32 at HIGHEST throughout."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.precision import EXACT
from vqvae_jax.target import platform

#: Vectors whose distances to all codes are in memory together: 256 MiB for 1024 codes. Large pictures have millions. On
#: a CPU so few that the distances stay in its cache.
SEARCHED_AT_ONCE, SEARCHED_ON_CPU = 2**16, 512


class Codebook(NamedTuple):
    """K codes of width D and the averages they come from. float32, so that 1 % steps are not rounded away."""

    embeddings: Array  # [K, D], sums / counts
    counts: Array  # [K], moving average of use; 1 is a fair share at any batch, level and device count
    sums: Array  # [K, D], moving average of the vectors assigned, in the same units
    initialized: Array  # [], 1 once `initialise` has run; part of the state, so that a resumed run never does it again

    @property
    def codes(self) -> int:
        return self.embeddings.shape[0]

    @property
    def dim(self) -> int:
        return self.embeddings.shape[1]


Codebooks = dict[str, Codebook]  # by level


class Quantized(NamedTuple):
    """Nearest codes of a batch of vectors."""

    indices: Array  # [...] int32, in [0, K)
    values: Array  # [..., D] float32, codebook rows; no gradient
    error: Array  # [...] float32, squared distance to the chosen row


def empty_codebook(codes: int, dim: int) -> Codebook:
    """A codebook before `initialise`: zero embeddings, every count 1."""
    zeros = jnp.zeros((codes, dim), jnp.float32)
    # Two buffers, not one: donated state must not alias itself.
    return Codebook(zeros, jnp.ones((codes,), jnp.float32), jnp.zeros_like(zeros), jnp.zeros((), jnp.float32))


def quantize(codebook: Codebook, z: Array) -> Quantized:
    """Finds the nearest codebook row of every vector (van den Oord et al. 2017, eq. 1).

    Args:
      codebook: K rows of width D.
      z: [..., D], any float type. Compared in float32 at highest precision: in bf16 or TF32 the winner changes.

    Raises:
      ValueError: if the widths differ.
    """
    if z.shape[-1] != codebook.dim:
        raise ValueError(f"vectors of width {z.shape[-1]} cannot be looked up in a codebook of width {codebook.dim}")
    vectors = lax.stop_gradient(z).astype(jnp.float32)
    # Seen from the codebook's mean: far from the origin the products would be large and near-ties lost in rounding.
    mean = jnp.mean(codebook.embeddings, axis=0)
    embeddings = lax.stop_gradient(codebook.embeddings - mean)
    squares = jnp.sum(jnp.square(embeddings), axis=-1)

    def nearest(vector: Array) -> Array:
        products = jnp.einsum("...d,kd->...k", vector, embeddings, precision=EXACT)
        # |z|^2 is the same for every row, so the minimum does not need it.
        return first_least(squares - 2.0 * products)

    centred = vectors - lax.stop_gradient(mean)
    at_once = min(SEARCHED_AT_ONCE, SEARCHED_ON_CPU) if platform() == "cpu" else SEARCHED_AT_ONCE
    # Sizes of a program that is exported for any size are no numbers.
    if not all(isinstance(size, int) for size in z.shape) or math.prod(z.shape[:-1]) <= at_once:
        indices = nearest(centred)
    else:
        indices = lax.map(nearest, centred.reshape(-1, codebook.dim), batch_size=at_once).reshape(z.shape[:-1])
    values = lookup(codebook, indices)
    return Quantized(indices, values, jnp.sum(jnp.square(vectors - values), axis=-1))


def first_least(values: Array) -> Array:
    """The first place of the least value along the last axis, [..., K] float -> [...] int32.

    As `argmin`, but for NaN: vectorised on CPU, and on TPU compared in float32, where `argmin` compares bfloat16.
    """
    least = jnp.min(values, axis=-1, keepdims=True)
    places = lax.broadcasted_iota(jnp.int32, values.shape, values.ndim - 1)
    return jnp.min(jnp.where(values <= least, places, values.shape[-1] - 1), axis=-1)


def lookup(codebook: Codebook, indices: Array) -> Array:
    """Codebook rows of indices: [...] int32 -> [..., D] float32. Indices must lie in [0, K)."""
    return jnp.take(lax.stop_gradient(codebook.embeddings), indices, axis=0, mode="clip")


def unit_mean_square(z: Array) -> Array:
    """[..., D] scaled so that the mean of the squares is 1: l2-normalised, to a length that does not depend on D."""
    return z * lax.rsqrt(jnp.mean(jnp.square(z), axis=-1, keepdims=True) + 1e-12)


def straight_through(z: Array, values: Array) -> Array:
    """`values` in the forward pass, the identity for gradients to `z` (van den Oord et al. 2017, 3.2). float32."""
    z = z.astype(jnp.float32)
    return z + lax.stop_gradient(values - z)
