"""`ntc.prior.Prior` in whole numbers, without JAX: what encoder and decoder of a file agree on.

Weights are 8 bits wide and every sum stays below 2**24, so that float32 products are exact, whatever the order of
additions, and all machines find the same means and scales.
"""

from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.ntc.coding_order import coding_steps
from vqvae_jax.ntc.config import GROUPS, RATE_STEPS
from vqvae_jax.ntc.fixed_point import (
    CONTEXT_LIMIT,
    HIDDEN_BITS,
    HIDDEN_LIMIT,
    MEAN_BITS,
    MEAN_LIMIT,
    SCALE_BITS,
    SCALES,
)

FLOAT32_INTEGERS = 1 << 24
AT_ONCE = 4096  # positions whose neighbours are laid out side by side


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


class IntegerPrior:
    """`PriorArrays` made ready.

    Raises:
      UserError: if they contradict each other, or a sum may be inexact; names the array.
    """

    def __init__(self, arrays: PriorArrays) -> None:
        check_arrays(arrays)
        self.latents, self._width = arrays.now.shape[2:]
        self._arrays = arrays
        self._past = arrays.past.reshape(-1, self._width).astype(np.float32)
        self._now = arrays.now.reshape(-1, self._width).astype(np.float32)
        self._middle, self._out = arrays.middle.astype(np.float32), arrays.out.astype(np.float32)
        first, middle, out = (int(e) for e in arrays.exponents)
        self._shifts = -(first + HIDDEN_BITS), -middle, HIDDEN_BITS - MEAN_BITS - out, HIDDEN_BITS - SCALE_BITS - out

    def from_past(self, before_hwM: np.ndarray, earlier_hwM: np.ndarray, rate: int) -> np.ndarray:
        """What is known of a unit before any of it is coded: int64 [h, w, W].

        Args:
          before_hwM: latents of the unit before, integers; zeros where there is none.
          earlier_hwM: of the one before that.
          rate: number of the rate.
        """
        place = min(rate // RATE_STEPS, len(self._arrays.first_bias) - 2)
        part = rate - place * RATE_STEPS
        low, high = self._arrays.first_bias[place : place + 2].astype(np.int64)
        bias = low * (RATE_STEPS - part) + high * part + RATE_STEPS // 2 >> RATE_STEPS.bit_length() - 1
        return self._convolved(np.concatenate([before_hwM, earlier_hwM], axis=-1), self._past) + bias

    def from_now(self, coded_hwM: np.ndarray) -> np.ndarray:
        """What latents of the unit itself add: int64 [h, w, W]; a sum over disjoint sets of them."""
        return self._convolved(coded_hwM, self._now)

    def believe(self, known_hwW: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Means in sixteenths and scale numbers of every latent, as far as known: two int64 [h, w, M]."""
        first, middle, mean, scale = self._shifts
        arrays = self._arrays
        hidden = _hidden(known_hwW + arrays.steps[step], first)
        hidden = _hidden((hidden @ self._middle).astype(np.int64) + arrays.middle_bias, middle)
        found = (hidden @ self._out).astype(np.int64) + arrays.out_bias
        return (
            np.clip(_halved(found[..., : self.latents], mean), -MEAN_LIMIT, MEAN_LIMIT),
            np.clip(_halved(found[..., self.latents :], scale), 0, SCALES - 1),
        )

    def _convolved(self, x_hwC: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        height, width, channels = x_hwC.shape
        padded = np.zeros((height + 2, width + 2, channels), np.float32)
        padded[1:-1, 1:-1] = np.clip(x_hwC, -CONTEXT_LIMIT, CONTEXT_LIMIT)
        around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))  # [h, w, C, 3, 3]
        found = np.empty((height, width, self._width), np.int64)
        band = max(AT_ONCE // width, 1)
        for top in range(0, height, band):
            rows = around[top : top + band].transpose(0, 1, 3, 4, 2)
            found[top : top + band] = (rows.reshape(-1, 9 * channels) @ kernel).reshape(-1, width, self._width)
        return found


def steps_of(height: int, width: int, latents: int) -> list[np.ndarray]:
    """For each coding step which latents it holds: bool [h, w, M]."""
    steps = coding_steps(height, width, latents)
    return [steps == step for step in range(GROUPS)]


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


def _hidden(sums: np.ndarray, shift: int) -> np.ndarray:
    return np.clip(_halved(sums, shift), 0, HIDDEN_LIMIT).astype(np.float32)


def _halved(sums: np.ndarray, times: int) -> np.ndarray:
    """Over 2**times, to the nearest whole number, halves up."""
    return (sums + (1 << times - 1)) >> times if times > 0 else sums << -times
