"""What is stored of the prior in whole numbers, and what it must be."""

from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.ntc.config import GROUPS
from vqvae_jax.ntc.fixed_point import CONTEXT_LIMIT, HIDDEN_BITS, HIDDEN_LIMIT, MEAN_BITS, SCALE_BITS

FLOAT32_INTEGERS = 1 << 24


class PriorArrays(NamedTuple):
    """What is stored; M latent channels, W hidden units, L lambdas."""

    past: np.ndarray  # [3, 3, 2 M, W] int8: latents of the unit before, and of the one before that
    now: np.ndarray  # [3, 3, M, W] int8: latents of the unit that are coded already
    first_bias: np.ndarray  # [L, W] int32, by trained lambda
    steps: np.ndarray  # [4, W] int32, by coding step
    middle: np.ndarray  # [W, W] int8
    middle_bias: np.ndarray  # [W] int32
    out: np.ndarray  # [W, 2 M] int8: means, then scales
    out_bias: np.ndarray  # [2 M] int32
    exponents: np.ndarray  # [3] int8: what a weight of each layer counts, 2**e


class Shifts(NamedTuple):
    """By which powers of two sums are divided; negative to multiply."""

    first: int  # of the first layer
    middle: int
    mean: int
    scale: int


def shifts_of(exponents: np.ndarray) -> Shifts:
    """Of `PriorArrays.exponents`."""
    first, middle, out = (int(e) for e in exponents)
    return Shifts(-(first + HIDDEN_BITS), -middle, HIDDEN_BITS - MEAN_BITS - out, HIDDEN_BITS - SCALE_BITS - out)


def check_arrays(arrays: PriorArrays) -> None:
    """Raises a `UserError` that names the first array that does not fit."""
    latents, width = arrays.now.shape[-2:] if arrays.now.ndim == 4 else (0, 0)
    knots = len(arrays.first_bias) if arrays.first_bias.ndim == 2 else 0
    expected = {
        "past": (np.int8, (3, 3, 2 * latents, width)),
        "now": (np.int8, (3, 3, latents, width)),
        "first_bias": (np.int32, (max(knots, 2), width)),
        "steps": (np.int32, (GROUPS, width)),
        "middle": (np.int8, (width, width)),
        "middle_bias": (np.int32, (width,)),
        "out": (np.int8, (width, 2 * latents)),
        "out_bias": (np.int32, (2 * latents,)),
        "exponents": (np.int8, (3,)),
    }
    for name, (kind, shape) in expected.items():
        array = getattr(arrays, name)
        if array.dtype != kind or array.shape != shape or not array.size or latents % GROUPS:
            raise UserError(
                f"tensor prior/{name} is {array.dtype}{list(array.shape)}, not {np.dtype(kind)}{list(shape)}"
            )
    if np.abs(arrays.exponents.astype(int)).max() > 20:
        raise UserError(f"tensor prior/exponents are {arrays.exponents.tolist()}, not within +-20")
    sums = {
        "past": _total(arrays.past, CONTEXT_LIMIT)
        + _total(arrays.now, CONTEXT_LIMIT)
        + _largest(arrays.first_bias)
        + _largest(arrays.steps),
        "middle": _total(arrays.middle, HIDDEN_LIMIT) + _largest(arrays.middle_bias),
        "out": _total(arrays.out, HIDDEN_LIMIT) + _largest(arrays.out_bias),
    }
    for name, largest in sums.items():
        if largest >= FLOAT32_INTEGERS // 2:
            raise UserError(
                f"tensor prior/{name} may give sums of {largest}; at most {FLOAT32_INTEGERS // 2} are exact"
            )


def _total(weights: np.ndarray, limit: int) -> int:
    return int(np.abs(weights.astype(np.int64)).reshape(-1, weights.shape[-1]).sum(axis=0).max()) * limit


def _largest(biases: np.ndarray) -> int:
    return int(np.abs(biases.astype(np.int64)).max())
