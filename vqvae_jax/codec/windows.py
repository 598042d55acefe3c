"""Chunks are coded and decoded with a little of their neighbours on either side, so that no seam shows between them.

A convolution at the end of a chunk sees padding instead of the next frames, and the frames there come out worse. With
one coarse step of context (4 frames for the paper's strides) on both sides of encoder and decoder they are as good as
the others (`benchmarks/round_trip.py` compares with a file that has no borders). Where the video begins or ends its
first or last frame, or step of indices, is repeated. Every window of a file has the same shape, so the model is
compiled once.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from vqvae_jax.codec.payload import Indices
from vqvae_jax.codec.tokenizer import Tokenizer, check_frames
from vqvae_jax.errors import UserError

CONTEXT_STEPS = 1  # of the coarsest level, on either side; part of the format: decoders must use the same


class CodedChunk(NamedTuple):
    """A chunk's indices."""

    frames: int  # of the video, before padding
    indices: Indices  # by level, [t, h, w]; the last chunk's cover its frames up to the coarse temporal stride


#: Indices of a window's own steps, given as slices by level.
WindowEncoder = Callable[[np.ndarray, dict[str, slice]], Indices]


def coded_chunks(
    tokenizer: Tokenizer, frames: Iterable[np.ndarray], size: int, encode: WindowEncoder | None = None
) -> Iterator[CodedChunk]:
    """Codes a video of any length; holds one window of it in memory.

    Args:
      tokenizer: the model.
      frames: uint8 RGB pictures [H, W, 3] of one size.
      size: frames of a chunk, a multiple of the coarsest temporal stride.
      encode: what makes a window's indices; by default the model's nearest codes.

    Raises:
      UserError: if frames differ in size or type.
    """
    strides = {name: level.strides[0] for name, level in tokenizer.bundle.model.levels.items()}
    coarse = strides[tokenizer.levels[0]]
    margin = CONTEXT_STEPS * coarse
    pictures = _checked(frames)
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
        pictures_THWC = np.stack(window)
        if encode is None:
            indices = tokenizer.encode(pictures_THWC)
            yield CodedChunk(count, {name: indices[name][steps] for name, steps in own.items()})
        else:
            yield CodedChunk(count, encode(pictures_THWC, own))
        before, waiting = window[size : size + margin], waiting[count:]


def decoded_chunk(
    tokenizer: Tokenizer,
    chunk: Indices,
    before: Indices | None,
    after: Indices | None,
    shape: tuple[int, int, int],
    size: int,
    level: str | None = None,
) -> np.ndarray:
    """The frames of one chunk.

    Args:
      tokenizer: the model.
      chunk: its indices by level; the coarsest alone for a preview.
      before, after: those of its neighbours; none at the ends of the video, or where a neighbour is lost.
      shape: frames, height, width of the chunk.
      size: frames of a full chunk.
      level: as for `Tokenizer.decode`.

    Returns:
      (T, H, W, 3) uint8 RGB.
    """
    levels = tokenizer.bundle.model.levels
    margin = CONTEXT_STEPS * levels[tokenizer.levels[0]].strides[0]
    window: Indices = {}
    for name, grid in chunk.items():
        stride = levels[name].strides[0]
        steps, context = size // stride, margin // stride
        head = grid[:1] if before is None else before[name][-context:]
        tail = grid[-1:] if after is None else after[name][:context]
        whole = np.concatenate([_filled(head, context, at_front=True), grid, tail])
        window[name] = _filled(whole, steps + 2 * context, at_front=False)[: steps + 2 * context]
    frames = tokenizer.decode(window, level=level)
    return frames[margin : margin + shape[0], : shape[1], : shape[2]]


def _filled(grid: np.ndarray, steps: int, at_front: bool) -> np.ndarray:
    """A grid of at least `steps` steps: the first or the last one repeated."""
    missing = max(0, steps - len(grid))
    return np.pad(grid, ((missing, 0) if at_front else (0, missing), (0, 0), (0, 0)), mode="edge")


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    first: np.ndarray | None = None
    for number, frame in enumerate(frames):
        if first is None:
            check_frames(frame[None])
            first = frame
        if frame.shape != first.shape or frame.dtype != np.uint8:
            raise UserError(f"frame {number} is {frame.dtype}{frame.shape}, the first was {first.dtype}{first.shape}")
        yield frame
