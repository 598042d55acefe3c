"""Latents of a group of pictures to bytes and back, unit by unit in four steps, each under what is known by then."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vqvae_jax.entropy import rans
from vqvae_jax.entropy.blas import one_blas_thread
from vqvae_jax.entropy.kernel import coder, machine
from vqvae_jax.entropy.logistic_tables import FRACTIONS, logistic_tables
from vqvae_jax.entropy.rans import SCALE_BITS, CorruptStreamError
from vqvae_jax.errors import UserError
from vqvae_jax.ntc.codec.integer_prior import IntegerPrior, steps_of
from vqvae_jax.ntc.codec.unit_kernel import Unit, UnitKernel
from vqvae_jax.ntc.fixed_point import MEAN_BITS

LIMIT = 1 << 15  # of latents, which are 16-bit integers

#: Says what the latents of one step are, from means in sixteenths and rows of the tables; all [N].
Take = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def whole_means(means: Any) -> Any:
    """Means in sixteenths to the nearest whole number, halves up; NumPy's or JAX's integers."""
    return means + FRACTIONS // 2 >> MEAN_BITS


def table_rows(means: Any, scales: Any) -> Any:
    """Rows of `LogisticTables`, for means in sixteenths and numbers of scales."""
    return scales * FRACTIONS + means - (whole_means(means) << MEAN_BITS) + FRACTIONS // 2


def left_out(means: Any, rows: Any, zero: Any, skip: Any) -> Any:
    """Which latents are zero without being coded.

    Args:
      means, rows: of the latents.
      zero: chance of zero by row, in 2**-16.
      skip: those whose mean is nearest to zero and whose chance of being zero is above this are left out.
    """
    return (whole_means(means) == 0) & (zero[rows] > skip)


class Walk:
    """The coding order of a group of pictures; the same for encoder and decoder.

    Args:
      prior: of the bundle.
      rate: number of the rate.
      skip: see `left_out`.
      grid: height and width of the coarse grid.
    """

    def __init__(self, prior: IntegerPrior, rate: int, skip: int, grid: tuple[int, int]) -> None:
        self._prior, self._rate, self._skip = prior, rate, skip
        self._before = self._earlier = np.zeros((*grid, prior.latents), np.int64)
        self._steps = steps_of(*grid, prior.latents)
        self._kernel = prior.kernel if machine.fast() and prior.kernel.fits else None
        self._bias = prior.rate_bias(rate)

    def write(self, q_hwM: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Writes the next unit.

        Args:
          q_hwM: integers within +-2**15.

        Returns:
          The latents as they are decoded, int64; starts and frequencies of the symbols, uint32 [n, 2]; how many
          latents were not left out.
        """
        if self._kernel:
            unit = self._kernel_unit(self._kernel, coder.writer(), np.zeros(0, np.uint16), q_hwM)
            return self._before, unit.intervals, unit.coded
        intervals: list[np.ndarray] = [np.zeros((0, 2), np.uint32)]
        coded = 0

        def take(chosen: np.ndarray, means: np.ndarray, rows: np.ndarray) -> np.ndarray:
            nonlocal coded
            q = q_hwM[chosen]
            intervals.append(np.array(logistic_tables().intervals(rows, q - whole_means(means)), np.uint32).T)
            coded += len(rows)
            return q

        q = self._unit(take)
        return q, np.concatenate(intervals), coded

    def stream(self, intervals: np.ndarray) -> bytes:
        """The stream of all that was written, uint32 [n, 2]."""
        if self._kernel:
            return self._kernel.stream(intervals)
        return rans.encode(*intervals.T.tolist())

    def read(self, payload: bytes, units: int) -> Iterator[np.ndarray]:
        """The next units' latents, int64 [h, w, M].

        Raises:
          CorruptStreamError: if no encoder wrote these bytes.
        """
        if self._kernel:
            now, words = coder.reader(payload)
            for _ in range(units):
                now = self._kernel_unit(self._kernel, now, words, np.zeros_like(self._before)).coder
                yield self._before
            rans.check_end(int(now["state"][0]), int(now["position"][0]), len(words))
            return
        reader = rans.Reader(payload)
        tables = logistic_tables()

        def take(chosen: np.ndarray, means: np.ndarray, rows: np.ndarray) -> np.ndarray:
            q = np.asarray(tables.read(reader, rows.tolist()), np.int64) + whole_means(means)
            if q.size and np.abs(q).max() > LIMIT:
                raise CorruptStreamError(f"a latent of {int(np.abs(q).max())}")
            return q

        for _ in range(units):
            yield self._unit(take)
        reader.check_end()

    def _kernel_unit(self, kernel: UnitKernel, now: np.ndarray, words: np.ndarray, q_hwM: np.ndarray) -> Unit:
        grids = (grid.astype(np.int32) for grid in (self._before, self._earlier, q_hwM))
        unit = kernel.code(now, words, self._bias, self._skip, *grids)
        self._before, self._earlier = unit.latents.astype(np.int64), self._before
        return unit

    @one_blas_thread()
    def _unit(self, take: Take) -> np.ndarray:
        """The next unit's latents, int64 [h, w, M], without a kernel.

        Args:
          take: asked once in every step for the latents that are not skipped; `take(chosen, means, rows)` with
            `chosen` [h, w, M] bool, and means and rows of the chosen ones, in order.
        """
        q = np.zeros_like(self._before)
        known = self._prior.from_past(self._before, self._earlier, self._rate)
        tables = logistic_tables()
        for step, held in enumerate(self._steps):
            means, scales = self._prior.believe(known, step)
            rows = table_rows(means, scales)
            chosen = held & ~left_out(means, rows, tables.zero, self._skip)
            now = np.zeros_like(q)
            now[chosen] = take(chosen, means[chosen], rows[chosen])
            q += now
            if step + 1 < len(self._steps):
                known = known + self._prior.from_now(now)
        self._before, self._earlier = q, self._before
        return q


class Writer:
    """Collects symbols and rounds latents on their way.

    Args:
      walk: of the group of pictures.
    """

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._intervals: list[np.ndarray] = [np.zeros((0, 2), np.uint32)]
        self.symbols = 0  # latents that were not skipped

    def unit(self, y_hwM: np.ndarray) -> np.ndarray:
        """Latents as they are decoded, int64, of latents before rounding, float.

        Raises:
          UserError: if one is not finite.
        """
        if not np.isfinite(y_hwM).all():
            raise UserError("the model gives latents that are not finite for these frames; its bundle is of no use")
        # To the nearest: pulled towards their means by a twentieth of a step, as a dead zone does, files of a trained
        # model are worse by 0.14 dB at the same size.
        q = np.clip(np.floor(y_hwM.astype(np.float64) + 0.5), -LIMIT, LIMIT - 1).astype(np.int64)
        found, intervals, coded = self._walk.write(q)
        self._intervals.append(intervals)
        self.symbols += coded
        return found

    @property
    def bits(self) -> float:
        """Of all symbols so far, by their frequencies."""
        frequencies = np.concatenate(self._intervals)[:, 1]
        return float(np.sum(SCALE_BITS - np.log2(frequencies.astype(np.float64))))

    def payload(self) -> bytes:
        """The group of pictures as bytes."""
        return self._walk.stream(np.concatenate(self._intervals))
