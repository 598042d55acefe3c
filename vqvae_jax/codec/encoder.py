"""Frames to an .msv file, chunk by chunk: memory holds little more than one, however long the video is."""

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from vqvae_jax.codec.interface import (
    Mode,
    Model,
    Options,
    VideoInfo,
    check_chunk_pixels,
)
from vqvae_jax.codec.pictures import check_frames, checked_pictures
from vqvae_jax.container.header import BUNDLE_BYTES, COMPACT, SHORT_BUNDLE_BYTES, Header
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError


class Encoded(NamedTuple):
    """What was written."""

    frames: int
    width: int
    height: int
    chunks: int
    bytes: int  # the whole file
    payload_bytes: dict[str, int]  # by part, the head chunk's included; the rest is header, index and checksums

    @property
    def bpp(self) -> float:
        """Bits of the whole file per pixel of the coded size."""
        return 8 * self.bytes / (self.frames * self.width * self.height)


class Encoder:
    """Codes videos with one model, of whatever family.

    Args:
      model: of `load_model`.
      mode, chunk_frames, rate_weight, quality, effort: see `Options`.

    Raises:
      UserError: if the model's family does not have what is asked for.
    """

    def __init__(
        self,
        model: Model,
        mode: Mode = "range",
        chunk_frames: int | None = None,
        rate_weight: float = 0.0,
        quality: float | None = None,
        effort: int = 0,
    ) -> None:
        self.model, self.options = model, Options(mode, rate_weight, quality, effort, chunk_frames)
        model.check(self.options)

    def chunk_frames(self, width: int, height: int) -> int:
        """Frames of a chunk for pictures of this size."""
        return self.model.chunk_frames(width, height, self.options)

    def encode(
        self,
        frames: Iterable[np.ndarray],
        target: str | Path | BinaryIO,
        rate: Fraction,
        source_size: tuple[int, int] | None = None,
        overwrite: bool = False,
        on_chunk: Callable[[int], None] | None = None,
    ) -> Encoded:
        """Writes a file; under a path it appears when it is whole.

        Args:
          frames: uint8 RGB pictures [H, W, 3], all of one size; an array (T, H, W, 3) will do.
          target: the path, or a binary file open for writing that can seek.
          rate: frames per second.
          source_size: width and height of the source, whose aspect a player should show; by default that of `frames`.
          overwrite: replace an existing file.
          on_chunk: called after every chunk with the number of frames coded so far.

        Raises:
          UserError: if there is no frame, frames differ in size or are too large, or the file exists or cannot be
            written.
        """
        name = str(target) if isinstance(target, str | Path) else "the coded video"
        pictures = iter(frames)
        first = next(pictures, None)
        if first is None:
            raise UserError(f"{name}: not written, for the video has no frames")
        check_frames(first[None])
        height, width = first.shape[:2]
        size = self.chunk_frames(width, height)
        check_chunk_pixels(name, size, width, height)
        source_width, source_height = source_size or (width, height)
        video = VideoInfo(width, height, source_width, source_height, rate)
        try:
            coder = self.model.encoder(video, self.options)
            compact = coder.file_version == COMPACT
            header = Header(
                bundle=self.model.identity[: SHORT_BUNDLE_BYTES if compact else BUNDLE_BYTES],
                **video._asdict(),
                frames=1,
                chunk_frames=size,
                parts=coder.parts,
                family_header=coder.header(),
                family="" if coder.file_version == 1 else self.model.family,
                head_parts=coder.head_parts,
                compact=compact,
            )
        except UserError as error:
            raise UserError(f"{name}: {error}") from error
        totals = dict.fromkeys((*header.head_parts, *header.parts), 0)
        with Writer(target, header, overwrite) as writer:
            for chunk in coder.chunks(checked_pictures(itertools.chain([first], pictures))):
                if chunk.frames:
                    writer.add_chunk(chunk.frames, chunk.parts)
                else:
                    writer.add_head_chunk(chunk.parts)
                for part, payload in chunk.parts.items():
                    totals[part] += len(payload)
                if on_chunk is not None and chunk.frames:
                    on_chunk(writer.frames)
        return Encoded(writer.frames, width, height, -(-writer.frames // size), writer.bytes_written, totals)
