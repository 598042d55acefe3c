"""`ntc.prior.Prior` in whole numbers, without JAX: what encoder and decoder of a file agree on.

Weights are 8 bits wide and every sum stays below 2**24, so that float32 products are exact, whatever the order of
additions, and all machines find the same means and scales.
"""

from functools import cached_property

import numpy as np

from vqvae_jax.ntc.codec.prior_arrays import PriorArrays, check_arrays, shifts_of
from vqvae_jax.ntc.codec.unit_kernel import UnitKernel
from vqvae_jax.ntc.coding_order import coding_steps
from vqvae_jax.ntc.config import GROUPS, RATE_STEPS
from vqvae_jax.ntc.fixed_point import CONTEXT_LIMIT, HIDDEN_LIMIT, MEAN_LIMIT, SCALES

AT_ONCE = 4096  # positions whose neighbours are laid out side by side


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
        self._shifts = shifts_of(arrays.exponents)

    @cached_property
    def kernel(self) -> UnitKernel:
        """The same in WebAssembly."""
        return UnitKernel(self._arrays)

    def from_past(self, before_hwM: np.ndarray, earlier_hwM: np.ndarray, rate: int) -> np.ndarray:
        """What is known of a unit before any of it is coded: int64 [h, w, W].

        Args:
          before_hwM: latents of the unit before, integers; zeros where there is none.
          earlier_hwM: of the one before that.
          rate: number of the rate.
        """
        around = self._convolved(np.concatenate([before_hwM, earlier_hwM], axis=-1), self._past)
        return around + self.rate_bias(rate)

    def rate_bias(self, rate: int) -> np.ndarray:
        """What hidden units begin with at a rate: int64 [W]."""
        place = min(rate // RATE_STEPS, len(self._arrays.first_bias) - 2)
        part = rate - place * RATE_STEPS
        low, high = self._arrays.first_bias[place : place + 2].astype(np.int64)
        return low * (RATE_STEPS - part) + high * part + RATE_STEPS // 2 >> RATE_STEPS.bit_length() - 1

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


def _hidden(sums: np.ndarray, shift: int) -> np.ndarray:
    return np.clip(_halved(sums, shift), 0, HIDDEN_LIMIT).astype(np.float32)


def _halved(sums: np.ndarray, times: int) -> np.ndarray:
    """Over 2**times, to the nearest whole number, halves up."""
    return (sums + (1 << times - 1)) >> times if times > 0 else sums << -times
