"""Uniform grids for weights and embeddings: of a tensor's range, or of a step that was learned with its density.

A file has whole numbers, and a minimum and a step in float32 for each tensor (or each of its outputs). `codes` and
`values` are NumPy's, step by step and in float32, so that encoder and decoder have the same values bit for bit; what
training sees (`through_range`, `through_step`) may differ from them by a rounding.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.layers.bound import bounded
from vqvae_jax.quantization.codebook import straight_through

Axis = Literal["tensor", "out"]
Density = Literal["laplace", "logistic", "gaussian"]

LEAST_STEP = 1e-8  # of a learned grid
LEAST_CHANCE = 1e-9  # of a whole number


class Grid(NamedTuple):
    """minimum + step k for k = 0 ... levels - 1; a step of 0 has one value."""

    minimum: np.ndarray  # float32, [] or [outputs]
    step: np.ndarray  # the same
    levels: int


def range_grid(x: np.ndarray, bits: int, axis: Axis = "tensor", half: bool = False) -> Grid:
    """From the least value to the greatest in 2^bits levels (NeRV's code has one more, which does not fit the bits).

    Args:
      x: finite float32.
      bits: 1 to 15.
      axis: one range of the tensor, or one for each index of its last axis.
      half: ranges that float16 holds, a little wider where they must be; they take half the bytes.
    """
    outer = tuple(range(x.ndim)) if axis == "tensor" else tuple(range(x.ndim - 1))
    low, high = x.min(axis=outer).astype(np.float64), x.max(axis=outer).astype(np.float64)
    if half:
        low = _half(low, -np.inf)
        step = _half((high - low) / (2**bits - 1), np.inf)
    else:
        step = (high - low) / (2**bits - 1)
    return Grid(np.asarray(low, np.float32), np.asarray(step, np.float32), 2**bits)


def _half(x: np.ndarray, towards: float) -> np.ndarray:
    """The nearest float16 on one side."""
    found = x.astype(np.float16)
    beyond = found.astype(np.float64) > x if towards < 0 else found.astype(np.float64) < x
    return np.where(beyond, np.nextafter(found, np.float16(towards)), found)


def step_grid(x: np.ndarray, step: float) -> Grid:
    """Multiples of a step, from the least to the greatest that the tensor has."""
    size = np.float32(step)
    numbers = np.round(x.astype(np.float64) / float(size))
    first, last = int(numbers.min()), int(numbers.max())
    return Grid(np.asarray(size * np.float32(first), np.float32), np.asarray(size, np.float32), last - first + 1)


def codes(x: np.ndarray, grid: Grid) -> np.ndarray:
    """Numbers of the nearest values, int32, in [0, levels)."""
    step = np.where(grid.step > 0, grid.step, np.float32(1)).astype(np.float64)
    numbers = np.round((x.astype(np.float64) - grid.minimum) / step)
    return np.where(grid.step > 0, np.clip(numbers, 0, grid.levels - 1), 0).astype(np.int32)


def values(numbers: np.ndarray, grid: Grid) -> np.ndarray:
    """What the numbers stand for, float32: a product, then a sum."""
    return (grid.minimum + grid.step * numbers.astype(np.float32)).astype(np.float32)


def through_range(x: Array, bits: int, axis: Axis = "tensor") -> Array:
    """The value on `range_grid`, with the gradient of the value itself."""
    outer = tuple(range(x.ndim)) if axis == "tensor" else tuple(range(x.ndim - 1))
    low, high = (jax.lax.stop_gradient(f(x, axis=outer)) for f in (jnp.min, jnp.max))
    step = (high - low) / (2**bits - 1)
    size = jnp.where(step > 0, step, 1.0)
    return straight_through(x, low + step * jnp.round((x - low) / size))


def range_bits(tensors: Sequence[tuple[Array, Axis]], bits: int) -> Array:
    """Bits of the numbers of tensors on `range_grid`, by the empirical entropy of each: [] float32."""
    rows = []
    for index, (x, axis) in enumerate(tensors):
        outer = tuple(range(x.ndim)) if axis == "tensor" else tuple(range(x.ndim - 1))
        low, high = jnp.min(x, axis=outer), jnp.max(x, axis=outer)
        step = (high - low) / (2**bits - 1)
        numbers = jnp.round((x - low) / jnp.where(step > 0, step, 1.0)).astype(jnp.int32)
        rows.append(numbers.reshape(-1) + index * 2**bits)
    # Counted together: programs that treat tensors one by one take long to compile.
    counts = jnp.bincount(jnp.concatenate(rows), length=len(rows) * 2**bits).reshape(len(rows), -1)
    sizes = np.array([[row.size] for row in rows], np.float32)
    return -jnp.sum(counts * jnp.log2(jnp.maximum(counts, 1) / sizes))


class Learned(NamedTuple):
    """Steps and densities of the tensors, in canonical order; what gradients move in a training for rate."""

    log_step: Array  # [K] float32, natural logarithms
    mean: Array  # [K]
    log_scale: Array  # [K]


def learned_from(tensors: list[Array], bits: int, density: Density) -> Learned:
    """Steps of `range_grid`, and densities of the tensors' moments."""
    mean = jnp.stack([jnp.mean(x) for x in tensors])
    spread = jnp.stack([jnp.mean(jnp.abs(x - m)) for x, m in zip(tensors, mean, strict=True)])
    steps = jnp.stack([(jnp.max(x) - jnp.min(x)) / (2**bits - 1) for x in tensors])
    # Of the mean distance: 1 of Laplace, 2 log 2 of the logistic, sqrt(2 / pi) of the Gaussian distribution.
    scale = spread / {"laplace": 1.0, "logistic": 2 * np.log(2), "gaussian": np.sqrt(2 / np.pi)}[density]
    return Learned(jnp.log(jnp.maximum(steps, LEAST_STEP)), mean, jnp.log(jnp.maximum(scale, LEAST_STEP)))


def through_step(x: Array, log_step: Array) -> Array:
    """The nearest multiple of a step; to the value straight through, to the step as it is (Esser et al. 2020)."""
    step = jnp.exp(log_step)
    return step * straight_through(x / step, jnp.round(x / step))


def density_bits(x: Array, learned: Learned, density: Density, key: Array | None = None) -> Array:
    """Bits of whole numbers under their densities: [] float32.

    Args:
      x: values.
      learned: step, mean and scale of each, of shapes that broadcast to theirs.
      density: of the values.
      key: of noise in place of rounding, which gives the step and the values a gradient; none rounds.
    """
    step, scale = jnp.exp(learned.log_step), jnp.exp(learned.log_scale)
    if key is None:
        x = step * jnp.round(x / step)
    else:
        x = x + step * jax.random.uniform(key, x.shape, jnp.float32, -0.5, 0.5)
    away = -jnp.abs(x - learned.mean)  # in the lower tail differences keep their digits
    chance = _below(density, (away + step / 2) / scale) - _below(density, (away - step / 2) / scale)
    return -jnp.sum(jnp.log2(bounded(chance, LEAST_CHANCE, 1.0)))


def _below(density: Density, x: Array) -> Array:
    """The chance of a value below x scales."""
    if density == "gaussian":
        return jax.scipy.special.ndtr(x)
    if density == "logistic":
        return jax.nn.sigmoid(x)
    tail = 0.5 * jnp.exp(-jnp.abs(x))
    return jnp.where(x < 0, tail, 1.0 - tail)
