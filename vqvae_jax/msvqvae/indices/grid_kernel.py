"""`context_model.ContextModel` in WebAssembly (`grid_kernel.c`): the same bytes, several times as fast."""

from pathlib import Path

import numpy as np

from vqvae_jax.codec.interface import Grid
from vqvae_jax.entropy.frequencies import WEIGHTS
from vqvae_jax.entropy.kernel.blocks import TILE, blocks, largest, padded
from vqvae_jax.entropy.kernel.coder import CODER, check, reader, stream_of, writer
from vqvae_jax.entropy.kernel.machine import Heap, Machine
from vqvae_jax.msvqvae.indices.context_arrays import ContextArrays
from vqvae_jax.msvqvae.indices.contexts import co_located, coarse_repeats

KERNEL = Path(__file__).with_suffix(".wasm")
_LANES = 8  # hidden units are filled up to a multiple
_NEVER = -(1 << 30)  # score of a code that is none


class GridKernel:
    """Codes grids of one level.

    Args:
      arrays: checked.
    """

    def __init__(self, arrays: ContextArrays) -> None:
        self._codes, self._coarse_codes = len(arrays.activity), len(arrays.coarse) - 1
        output = padded(arrays.output.T, _LANES).T
        self._hidden = len(output)
        self._machine = Machine(
            KERNEL,
            [
                arrays.activity,
                arrays.repeat,
                padded(arrays.neighbours, _LANES),
                padded(arrays.coarse, _LANES),
                padded(arrays.groups, _LANES),
                blocks(output),
                padded(arrays.bias, TILE, _NEVER),
                largest(output),
                WEIGHTS.astype(np.uint32),
            ],
        )

    def encode(self, indices_THW: np.ndarray, coarse_THW: np.ndarray | None) -> bytes:
        """See `ContextModel.encode`."""
        _check_range(indices_THW, self._codes)
        coder = writer()
        with self._machine.heap() as (heap, constants):
            coder, _ = self._run(
                heap, constants, indices_THW.astype(np.int32), coarse_THW, coder, np.zeros(0, np.uint16)
            )
            return stream_of(heap, coder)

    def decode(self, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None) -> np.ndarray:
        """See `ContextModel.decode`."""
        coder, words = reader(stream)
        with self._machine.heap() as (heap, constants):
            coder, found = self._run(heap, constants, np.zeros(shape, np.int32), coarse_THW, coder, words)
        check(coder)
        return found

    def _run(
        self,
        heap: Heap,
        constants: list[int],
        grid: np.ndarray,
        coarse_THW: np.ndarray | None,
        coder: np.ndarray,
        words: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coder and the grid afterwards."""
        near = co_located(coarse_THW, grid.shape, self._coarse_codes).astype(np.int32)
        _check_range(near, self._coarse_codes + 1)
        flags = coarse_repeats(coarse_THW, grid.shape)
        at_words, at_grid, at_near, at_flags = heap.put([words, grid, near, flags])
        coder["words"] = at_words
        (at_coder,) = heap.put([coder])
        fields = [self._codes, self._hidden, *grid.shape, *constants, at_grid, at_near, at_flags, at_coder, 0]
        (walk,) = heap.put([np.array(fields, np.int32)])
        heap.view(walk, np.int32, len(fields))[-1] = heap.end
        heap.call("run", walk)
        return heap.view(at_coder, CODER, 1).copy(), heap.view(at_grid, np.int32, grid.size).reshape(grid.shape).copy()


def _check_range(indices: np.ndarray, limit: int) -> None:
    """Raises an `IndexError`, as NumPy would, where a kernel would only read something else."""
    if indices.size and not 0 <= indices.min() <= indices.max() < limit:
        raise IndexError(f"indices {indices.min()} ... {indices.max()} are not all within [0, {limit})")
