"""An .msv file to frames, from any frame on, reading only the chunks around them and the layers that are needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Self, get_args

import numpy as np

from vqvae_jax.codec.interface import Chunk, Content, Model, check_chunk_pixels
from vqvae_jax.config import is_whole
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.errors import UserError

GREY = 128
OnError = Literal["stop", "skip"]


class Decoder:
    """An open file; a context manager.

    Args:
      model: that it was coded with.
      source: a path, the file's bytes, or a binary file open for reading that can seek.

    Attributes:
      reader: the file's `Reader`, with its header.
      damaged: chunks that `frames` replaced, or the one at which it ended, with the reason.

    Raises:
      UserError: if the file is no .msv file, was coded with another model, or has chunks too large to decode.
    """

    def __init__(self, model: Model, source: str | Path | bytes | BinaryIO) -> None:
        self.model = model
        self.reader = Reader(source)
        self.damaged: dict[int, str] = {}
        self._recent: dict[tuple[int, str | None], Content | DamagedChunk] = {}
        header = self.reader.header
        try:
            if header.brings_model and header.family != model.family:
                raise UserError(f"{self.reader.name}: brings its own model, of family {header.family}; give no other")
            if not model.identity.startswith(header.bundle) or header.family not in ("", model.family):
                raise UserError(
                    f"{self.reader.name}: was coded with bundle {header.bundle.hex()}, this is "
                    f"{model.identity[: len(header.bundle)].hex()} ({model.name}); give the right one with --bundle"
                )
            # A chunk holds no more frames than the video, whatever its header says.
            size = min(header.chunk_frames, header.frames), header.width, header.height
            check_chunk_pixels(self.reader.name, *size)
            head = self.reader.read_head_chunk()
            try:
                self._coder = model.decoder(header, head)
            except UserError as error:
                raise UserError(f"{self.reader.name}: {error}") from error
        except UserError:
            self.reader.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what can be decoded alone, coarse first."""
        return tuple(self._coder.layers)

    def content(self, chunk: int, layer: str | None = None) -> Content:
        """One chunk as its family unpacks it; the parts of `layer` alone if it is named.

        Raises:
          DamagedChunk: if the chunk cannot be read or unpacked.
        """
        parts = self.reader.read_chunk(chunk, None if layer is None else self._coder.layers[layer])
        try:
            start = chunk * self.reader.header.chunk_frames
            return self._coder.unpack(Chunk(self.reader.header.frames_in_chunk(chunk), parts, start))
        except CorruptStreamError as error:
            raise self._corrupt(chunk, error) from error

    def frames(
        self,
        start: int = 0,
        count: int | None = None,
        level: str | None = None,
        on_error: OnError = "stop",
    ) -> Iterator[np.ndarray]:
        """Frames in order, decoded a chunk at a time.

        Args:
          start: number of the first frame, from 0.
          count: how many; by default all that follow.
          level: one of `layers`, for a preview from the parts that it takes alone.
          on_error: "skip" shows the last good frame (grey, if there was none) for a damaged chunk and notes it in
            `damaged`. The frames of a file that is cut short end with its last chunk.

        Yields:
          uint8 RGB [height, width, 3].

        Raises:
          UserError: if the range lies outside the video, there is no such layer, or (`on_error="stop"`) a chunk is
            damaged.
        """
        header, name = self.reader.header, self.reader.name
        if not is_whole(start) or not (count is None or is_whole(count)):
            raise UserError(f"{name}: frames from start={start!r}, count={count!r} asked for; give whole numbers")
        if on_error not in get_args(OnError):
            raise UserError(f"on-error={on_error!r} is not allowed; expected one of {', '.join(get_args(OnError))}")
        start = int(start)  # NumPy's overflow
        end = header.frames if count is None else start + int(count)
        if count is not None and count < 1:
            raise UserError(f"{name}: {count} frames asked for; give at least 1")
        if not 0 <= start < end <= header.frames:
            asked = f"frames {start} {'on' if count is None else f'to {end - 1}'} asked for"
            raise UserError(f"{name}: {asked}; the video has frames 0 to {header.frames - 1}")
        if level is not None and level not in self.layers:
            raise UserError(f"{name}: has no level {level!r}; it has {', '.join(self.layers)}")
        end = self._end_of_file(start, end, on_error)
        last = np.full((header.height, header.width, 3), GREY, np.uint8)
        for chunk in range(start // header.chunk_frames, -(-end // header.chunk_frames)):
            begin = chunk * header.chunk_frames
            clip = self._decoded(chunk, level)
            if isinstance(clip, DamagedChunk):
                if on_error == "stop":
                    raise UserError(f"{clip}; --on-error skip goes on behind it") from clip
                self.damaged[chunk] = str(clip)
                clip = np.broadcast_to(last, (header.frames_in_chunk(chunk), *last.shape))
            yield from clip[max(start - begin, 0) : end - begin]
            last = clip[-1]

    def _decoded(self, chunk: int, layer: str | None) -> np.ndarray | DamagedChunk:
        """A chunk's frames, or what is the matter with it."""
        reach = self._coder.context
        around = [self._kept(number, layer) for number in range(chunk - reach, chunk + reach + 1)]
        here = around[reach]
        if isinstance(here, DamagedChunk):
            return here
        # A lost neighbour costs this chunk no more than the beginning of a video does.
        there = [None if isinstance(side, DamagedChunk) else side for side in around]
        try:
            return self._coder.decode(there[:reach], here, there[reach + 1 :], layer)
        except CorruptStreamError as error:
            return self._corrupt(chunk, error)

    def _kept(self, chunk: int, layer: str | None) -> Content | DamagedChunk | None:
        """A chunk's content, or what is the matter with it; none outside the video. Remembered while it is in reach."""
        if not 0 <= chunk < self.reader.chunk_count:
            return None
        key = chunk, layer
        if key not in self._recent:
            try:
                self._recent[key] = self.content(chunk, layer)
            except DamagedChunk as error:
                self._recent[key] = error
            for old in list(self._recent)[: -2 * self._coder.context - 1]:
                del self._recent[old]
        return self._recent[key]

    def _end_of_file(self, start: int, end: int, on_error: OnError) -> int:
        """`end`, or where a file that is cut short ends: a header may promise four thousand million frames."""
        try:
            self.reader.require_whole()
        except UserError as error:
            left = self.reader.whole_chunks * self.reader.header.chunk_frames
            if end <= left:
                return end
            if start >= left:
                raise
            if on_error == "stop":
                raise UserError(f"{error}; --on-error skip decodes the {left} frames before") from error
            self.damaged[self.reader.whole_chunks] = f"{error}; decoding ends there"
            return left
        return end

    def _corrupt(self, chunk: int, error: CorruptStreamError) -> DamagedChunk:
        return DamagedChunk(f"{self.reader.name}: chunk {chunk}: {error}", chunk)
