"""An .msv file to frames, from any frame on, reading only the chunks around them and the levels that are needed."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.codec.chunk_size import check_chunk_pixels
from vqvae_jax.codec.payload import Indices, unpack
from vqvae_jax.codec.tokenizer import Tokenizer
from vqvae_jax.codec.windows import decoded_chunk
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.errors import UserError

GREY = 128
OnError = Literal["stop", "skip"]


class Decoder:
    """An open file; a context manager.

    Attributes:
      reader: the file's `Reader`, with its header.
      damaged: chunks that `frames` replaced, or the one at which it ended, with the reason.

    Raises:
      UserError: if the file is no .msv file, was coded with another bundle, or has chunks too large to decode.
    """

    def __init__(self, bundle: Bundle, path: str | Path, tokenizer: Tokenizer | None = None) -> None:
        self.bundle = bundle
        self.reader = Reader(path)
        self.damaged: dict[int, str] = {}
        self._recent: dict[tuple[int, str | None], Indices | DamagedChunk] = {}
        try:
            self._check_bundle()
            header = self.reader.header
            # However few frames there are, they are decoded in a window of a whole chunk.
            check_chunk_pixels(self.reader.path, header.chunk_frames, header.padded_width, header.padded_height)
        except UserError:
            self.reader.close()
            raise
        self._tokenizer = Tokenizer(bundle) if tokenizer is None else tokenizer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()

    def _check_bundle(self) -> None:
        header = self.reader.header
        if header.bundle != self.bundle.identity:
            raise UserError(
                f"{self.reader.path}: was coded with bundle {header.bundle.hex()}, this is "
                f"{self.bundle.identity.hex()} ({self.bundle.name}); give the right one with --bundle"
            )
        found = {level.name: (level.strides, level.codes) for level in header.levels}
        expected = {name: (level.strides, level.codes) for name, level in self.bundle.model.levels.items()}
        if list(found.items()) != list(expected.items()):
            raise UserError(f"{self.reader.path}: its levels are {found}, the bundle's {expected}; the file is damaged")

    def indices(self, chunk: int, level: str | None = None) -> Indices:
        """Indices of one chunk, by level, int32 [t, h, w]; the coarsest alone if `level` names it.

        Raises:
          DamagedChunk: if the chunk cannot be read or decoded.
        """
        header = self.reader.header
        count = 1 if level is not None and level == header.levels[0].name else None
        payloads = self.reader.read_chunk(chunk, count)
        shapes = {layout.name: header.grid(number, chunk) for number, layout in enumerate(header.levels)}
        try:
            return unpack(header.mode, self.bundle.tables, payloads, shapes)
        except CorruptStreamError as error:
            raise DamagedChunk(f"{self.reader.path}: chunk {chunk}: {error}", chunk) from error

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
          level: "top" for a preview from the coarse level alone.
          on_error: "skip" shows the last good frame (grey, if there was none) for a damaged chunk and notes it in
            `damaged`. The frames of a file that is cut short end with its last chunk.

        Yields:
          uint8 RGB [height, width, 3].

        Raises:
          UserError: if the range lies outside the video, the model has no such level, or (`on_error="stop"`) a chunk is
            damaged.
        """
        header = self.reader.header
        end = header.frames if count is None else start + count
        if count is not None and count < 1:
            raise UserError(f"{self.reader.path}: {count} frames asked for; give at least 1")
        if not 0 <= start < end <= header.frames:
            asked = f"frames {start} {'on' if count is None else f'to {end - 1}'} asked for"
            raise UserError(f"{self.reader.path}: {asked}; the video has frames 0 to {header.frames - 1}")
        if level is not None and level not in {layout.name for layout in header.levels}:
            names = ", ".join(layout.name for layout in header.levels)
            raise UserError(f"{self.reader.path}: has no level {level!r}; it has {names}")
        end = self._end_of_file(start, end, on_error)
        last = np.full((header.height, header.width, 3), GREY, np.uint8)
        for chunk in range(start // header.chunk_frames, -(-end // header.chunk_frames)):
            begin = chunk * header.chunk_frames
            shape = (header.frames_in_chunk(chunk), header.height, header.width)
            before, here, after = (self._kept(number, level) for number in (chunk - 1, chunk, chunk + 1))
            if isinstance(here, DamagedChunk):
                if on_error == "stop":
                    raise UserError(f"{here}; --on-error skip goes on behind it") from here
                self.damaged[chunk] = str(here)
                clip = np.broadcast_to(last, (*shape, 3))
            else:
                assert here is not None
                # A lost neighbour costs this chunk no more than the beginning of a video does.
                before, after = (None if isinstance(side, DamagedChunk) else side for side in (before, after))
                clip = decoded_chunk(self._tokenizer, here, before, after, shape, header.chunk_frames, level)
            yield from clip[max(start - begin, 0) : end - begin]
            last = clip[-1]

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

    def _kept(self, chunk: int, level: str | None) -> Indices | DamagedChunk | None:
        """A chunk's indices, or what is the matter with it; none outside the video. The last three are remembered."""
        if not 0 <= chunk < self.reader.chunk_count:
            return None
        key = chunk, level
        if key not in self._recent:
            try:
                self._recent[key] = self.indices(chunk, level)
            except DamagedChunk as error:
                self._recent[key] = error
            for old in list(self._recent)[:-3]:
                del self._recent[old]
        return self._recent[key]
