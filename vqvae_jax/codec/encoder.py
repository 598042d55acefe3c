"""Frames to an .msv file, chunk by chunk: memory holds little more than one, however long the video is."""

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.codec.chunk_size import LARGE_CHUNK, check_chunk_pixels
from vqvae_jax.codec.payload import pack
from vqvae_jax.codec.rate_weighted import RateWeighted
from vqvae_jax.codec.tokenizer import Tokenizer, check_frames
from vqvae_jax.codec.windows import coded_chunks
from vqvae_jax.container.header import LevelLayout, Mode
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError

MAX_RATE_WEIGHT = 100.0  # far beyond it nothing but repeats is sent


class Encoded(NamedTuple):
    """What was written."""

    frames: int
    width: int
    height: int
    chunks: int
    bytes: int  # the whole file
    payload_bytes: dict[str, int]  # by level; the rest is header, index and checksums

    @property
    def bpp(self) -> float:
        """Bits of the whole file per pixel of the coded size."""
        return 8 * self.bytes / (self.frames * self.width * self.height)


class Encoder:
    """Codes videos with one bundle.

    Args:
      bundle: of `load_bundle`.
      mode: "range" (entropy-coded), "deflate" or "fixed" (the paper's two rates).
      chunk_frames: frames that are coded together and can be decoded by themselves; by default the model's clip length,
        less for pictures above 640x480, so that memory stays bounded.
      rate_weight: what a bit is worth (see `RateWeighted`); 0 sends the nearest codes, whatever they cost.

    Raises:
      UserError: if `chunk_frames` is not a multiple of the model's temporal stride, or `rate_weight` is negative, not
        finite, or given for a mode whose sizes it does not know.
    """

    def __init__(
        self, bundle: Bundle, mode: Mode = "range", chunk_frames: int | None = None, rate_weight: float = 0.0
    ) -> None:
        self.bundle, self.mode = bundle, mode
        self.tokenizer = Tokenizer(bundle)
        stride = bundle.model.multiple[0]
        if chunk_frames is not None and (chunk_frames < stride or chunk_frames % stride):
            raise UserError(
                f"chunk-frames={chunk_frames} must be a multiple of this model's temporal stride, {stride}, and above 0"
            )
        if not 0 <= rate_weight <= MAX_RATE_WEIGHT:
            raise UserError(f"rate-weight={rate_weight} must be a number from 0 to {MAX_RATE_WEIGHT}")
        if rate_weight and mode != "range":
            raise UserError(f"rate-weight={rate_weight} weighs entropy-coded bits; mode={mode} has none, leave it at 0")
        self._chunk_frames = chunk_frames
        self._encode = RateWeighted(bundle, rate_weight).encode if rate_weight else None

    def chunk_frames(self, width: int, height: int) -> int:
        """Frames of a chunk for pictures of this size."""
        if self._chunk_frames is not None:
            return self._chunk_frames
        stride, frames = self.bundle.model.multiple[0], self.bundle.model.clip[0]
        fit = LARGE_CHUNK // (width * height) // stride * stride
        return max(stride, min(frames, fit))

    def encode(
        self,
        frames: Iterable[np.ndarray],
        path: str | Path,
        rate: Fraction,
        source_size: tuple[int, int] | None = None,
        overwrite: bool = False,
        on_chunk: Callable[[int], None] | None = None,
    ) -> Encoded:
        """Writes `path`; it appears when it is whole.

        Args:
          frames: uint8 RGB pictures [H, W, 3], all of one size; an array (T, H, W, 3) will do.
          path: the file to write.
          rate: frames per second.
          source_size: width and height of the source, whose aspect a player should show; by default that of `frames`.
          overwrite: replace an existing file.
          on_chunk: called after every chunk with the number of frames coded so far.

        Raises:
          UserError: if there is no frame, frames differ in size or are too large (`chunk_size`), or the file exists or
            cannot be written.
        """
        pictures = iter(frames)
        first = next(pictures, None)
        if first is None:
            raise UserError(f"{path}: not written, for the video has no frames")
        check_frames(first[None])
        height, width = first.shape[:2]
        size, multiple = self.chunk_frames(width, height), self.bundle.model.multiple
        padded_height, padded_width = (side + -side % m for side, m in zip((height, width), multiple[1:], strict=True))
        check_chunk_pixels(path, size, padded_width, padded_height)
        levels = self.bundle.model.levels
        totals = dict.fromkeys(levels, 0)
        source_width, source_height = source_size or (width, height)
        with Writer(
            path,
            mode=self.mode,
            bundle=self.bundle.identity,
            width=width,
            height=height,
            source_width=source_width,
            source_height=source_height,
            rate=rate,
            chunk_frames=size,
            levels=tuple(LevelLayout(name, level.strides, level.codes) for name, level in levels.items()),
            overwrite=overwrite,
        ) as writer:
            for chunk in coded_chunks(self.tokenizer, itertools.chain([first], pictures), size, self._encode):
                payloads = pack(self.mode, self.bundle.tables, chunk.indices)
                writer.add_chunk(chunk.frames, payloads)
                for name, payload in zip(levels, payloads, strict=True):
                    totals[name] += len(payload)
                if on_chunk is not None:
                    on_chunk(writer.frames)
        count = -(-writer.frames // size)
        return Encoded(writer.frames, width, height, count, Path(path).stat().st_size, totals)
