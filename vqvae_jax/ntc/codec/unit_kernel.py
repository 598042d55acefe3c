"""`latents.Walk` in WebAssembly (`unit_kernel.c`): the same symbols, several times as fast."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.kernel.blocks import TILE, blocks, largest, padded
from vqvae_jax.entropy.kernel.coder import CODER, check, stream_of, writer
from vqvae_jax.entropy.kernel.machine import Machine
from vqvae_jax.entropy.logistic_tables import logistic_tables
from vqvae_jax.ntc.codec.prior_arrays import PriorArrays, shifts_of
from vqvae_jax.ntc.config import GROUPS

KERNEL = Path(__file__).with_suffix(".wasm")


class Unit(NamedTuple):
    """What came of one unit."""

    latents: np.ndarray  # [h, w, M] int32
    coded: int  # latents that were not left out
    coder: np.ndarray  # [1] of CODER, to go on with
    intervals: np.ndarray  # [n, 2] uint32, starts and frequencies that were written


class UnitKernel:
    """Codes units under one prior.

    Args:
      arrays: checked.
    """

    def __init__(self, arrays: PriorArrays) -> None:
        self._latents = arrays.now.shape[2]
        past, now, middle = (_wide(part) for part in (arrays.past, arrays.now, arrays.middle))
        middle = padded(middle.T, TILE).T
        out = padded(arrays.out.T, TILE).T
        self._width, self._shifts = len(middle), shifts_of(arrays.exponents)
        #: Whether 16-bit numbers of inputs are enough.
        self.fits = max(2 * self._latents, self._width) < 1 << 15
        columns = self._columns()
        self._machine = Machine(
            KERNEL,
            [
                *(blocks(past), blocks(now)),
                *(blocks(middle), largest(middle), padded(arrays.middle_bias, TILE)),
                np.stack([blocks(out[:, part]) for part in columns]),
                largest(out),
                np.stack([padded(arrays.out_bias[part], TILE) for part in columns]),
                padded(arrays.steps, TILE),
                logistic_tables().starts.astype(np.uint32),
            ],
        )

    def code(
        self,
        coder: np.ndarray,
        words: np.ndarray,
        bias_W: np.ndarray,
        skip: int,
        before_hwM: np.ndarray,
        earlier_hwM: np.ndarray,
        latents_hwM: np.ndarray,
    ) -> Unit:
        """Writes or reads a unit.

        Args:
          coder: [1] of CODER; a reader goes on where the unit before ended.
          words: of a reader's stream, uint16.
          bias_W: of the rate.
          skip: see `latents.left_out`.
          before_hwM: int32, latents of the unit before; zeros where there is none.
          earlier_hwM: of the one before that.
          latents_hwM: int32 within +-2**15, what a writer writes; a reader's are not looked at.

        Raises:
          CorruptStreamError: if no encoder wrote these bytes.
        """
        shape = latents_hwM.shape
        with self._machine.heap() as (heap, constants):
            sizes = [*shape, self._width, skip, *self._shifts]
            fields = np.zeros(len(sizes) + len(constants) + 7, np.int32)
            arrays = [words, padded(bias_W.astype(np.int32), TILE), before_hwM, earlier_hwM, latents_hwM, coder, fields]
            addresses = heap.put(arrays)
            at_coder, at_fields = addresses[-2:]
            heap.view(at_coder, CODER, 1)["words"] = addresses[0]
            heap.view(at_fields, np.int32, len(fields))[:-1] = [*sizes, *constants, *addresses[1:-1], heap.end]
            heap.call("run", at_fields)
            coder = heap.view(at_coder, CODER, 1).copy()
            check(coder)
            found = heap.view(addresses[4], np.int32, latents_hwM.size).reshape(shape).copy()
            coded = int(heap.view(at_fields, np.int32, len(fields))[-1])
            written = int(coder["symbols"][0])
            intervals = heap.view(int(coder["intervals"][0]), np.uint32, 2 * written).reshape(-1, 2).copy()
        coder["symbols"] = 0
        return Unit(found, coded, coder, intervals)

    def stream(self, intervals: np.ndarray) -> bytes:
        """The stream of all intervals, [n, 2] uint32: `rans.encode`."""
        coder = writer()
        with self._machine.heap() as (heap, _):
            (at_coder,) = heap.put([coder])
            coder["symbols"] = len(intervals)
            (coder["intervals"],) = heap.put([intervals])
            heap.view(at_coder, CODER, 1)[:] = coder
            heap.call("finish", at_coder)
            return stream_of(heap, heap.view(at_coder, CODER, 1))

    def _columns(self) -> list[np.ndarray]:
        """Of `out`, which columns each coding step's channels have: means, then scales."""
        quarter = np.arange(self._latents).reshape(GROUPS, -1)
        return [np.concatenate([channels, channels + self._latents]) for channels in quarter]


def _wide(weights: np.ndarray) -> np.ndarray:
    return weights.reshape(-1, weights.shape[-1])
