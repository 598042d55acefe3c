"""Chunks are coded and decoded with a little of their neighbours on either side, so that no seam shows between them.

A convolution at the end of a chunk sees padding instead of the next frames, and the frames there come out worse. With
one coarse step of context (4 frames for the paper's strides) on both sides of encoder and decoder they are as good as
the others (`benchmarks/round_trip.py` compares with a file that has no borders). Where the video begins or ends its
first or last frame, or step of indices, is repeated. Windows of a file have one shape, at its ends perhaps others, so
the model is compiled once or a few times.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from vqvae_jax.codec.interface import Indices

CONTEXT_STEPS = 1  # of the coarsest level, on either side; part of the format: decoders must use the same


class CodedChunk(NamedTuple):
    """A chunk's indices."""

    frames: int  # of the video, before padding
    indices: Indices  # by level, [t, h, w]; the last chunk's cover its frames up to the coarse temporal stride


#: Indices of a window's own steps, given as slices by level.
WindowEncoder = Callable[[np.ndarray, dict[str, slice]], Indices]


def coded_chunks(
    encode: WindowEncoder, strides: Mapping[str, int], frames: Iterable[np.ndarray], size: int
) -> Iterator[CodedChunk]:
    """Codes a video of any length; holds one window of it in memory.

    Args:
      encode: what makes a window's indices.
      strides: frames per index of each level, coarse first.
      frames: uint8 RGB pictures [H, W, 3] of one size.
      size: frames of a chunk, a multiple of the coarsest stride.
    """
    coarse = next(iter(strides.values()))
    margin = CONTEXT_STEPS * coarse
    pictures = iter(frames)
    waiting: list[np.ndarray] = []
    before: list[np.ndarray] = []
    while True:
        while len(waiting) < size + margin and (frame := next(pictures, None)) is not None:
            waiting.append(frame)
        if not waiting:
            return
        count = min(size, len(waiting))
        before = before or [waiting[0]] * margin
        window = before + waiting[: size + margin]
        window += window[-1:] * (size + 2 * margin - len(window))
        coded = -(-count // coarse) * coarse
        own = {name: slice(margin // stride, (margin + coded) // stride) for name, stride in strides.items()}
        yield CodedChunk(count, encode(np.stack(window), own))
        before, waiting = window[size : size + margin], waiting[count:]
