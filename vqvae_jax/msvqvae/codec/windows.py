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
WINDOW_PIXELS = 2**20  # decoded at a time, if a window can be cut at all


class CodedChunk(NamedTuple):
    """A chunk's indices."""

    frames: int  # of the video, before padding
    indices: Indices  # by level, [t, h, w]; the last chunk's cover its frames up to the coarse temporal stride


#: Indices of a window's own steps, given as slices by level.
WindowEncoder = Callable[[np.ndarray, dict[str, slice]], Indices]
#: Frames of a window of indices.
WindowDecoder = Callable[[Indices], np.ndarray]


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


def decoded_chunk(
    decode: WindowDecoder,
    strides: Mapping[str, int],
    reach: int,
    chunk: Indices,
    before: Indices | None,
    after: Indices | None,
    shape: tuple[int, int, int],
    size: int,
) -> np.ndarray:
    """The frames of one chunk: of its window, those that its own are.

    Only as much of the window is decoded as those frames depend on, and no more than `WINDOW_PIXELS` at a time: memory
    follows the frames that are there, not the length of a chunk that a header claims.

    Args:
      decode: what makes a window's frames.
      strides: frames per index of each level, coarse first.
      reach: frames on either side of a frame that it depends on.
      chunk: its indices by level; the coarsest alone for a preview.
      before, after: those of its neighbours; none at the ends of the video, or where a neighbour is lost.
      shape: frames, height, width of the chunk.
      size: frames of a full chunk.

    Returns:
      (T, H, W, 3) uint8 RGB.
    """
    coarse = next(iter(strides.values()))
    margin, reach = CONTEXT_STEPS * coarse, -(-reach // coarse) * coarse
    at_once = max(WINDOW_PIXELS // (shape[1] * shape[2]) - 2 * reach, reach) // coarse * coarse
    frames = []
    for begin in range(margin, margin + shape[0], max(at_once, coarse)):
        end = min(begin + max(at_once, coarse), margin + shape[0])
        first, last = max(begin - reach, 0), min(-(-end // coarse) * coarse + reach, size + 2 * margin)
        window: Indices = {}
        for name, grid in chunk.items():
            context = margin // strides[name]
            head = grid[:1] if before is None else before[name][-context:]
            tail = grid[-1:] if after is None else after[name][:context]
            # Where steps are missing the first or the last one is repeated.
            known = np.concatenate([head, grid, tail])
            steps = np.arange(first // strides[name], last // strides[name]) - (context - len(head))
            window[name] = known[np.clip(steps, 0, len(known) - 1)]
        frames.append(decode(window)[begin - first : end - first, : shape[1], : shape[2]])
    return frames[0] if len(frames) == 1 else np.concatenate(frames)
