"""Reading an .msv file: any chunk, any prefix of its levels, and what is left of a damaged file."""

import contextlib
import os
from array import array
from pathlib import Path
from types import TracebackType
from typing import Self

from vqvae_jax.container import header_bytes, index
from vqvae_jax.container.chunk import (
    CRC,
    DamagedChunk,
    Head,
    Place,
    level_crc,
    max_head_size,
    min_chunk_size,
    parse_head,
)
from vqvae_jax.container.read_header import read_header
from vqvae_jax.errors import UserError


class Reader:
    """Opens a file by its header and index; chunks are read one by one, each level with its own checksum.

    Without a whole index the chunks are found by their own lengths, as far as those lead. Nothing is allocated on the
    word of a length before that was compared with the size of the file.

    Attributes:
      header: the file's `Header`.
      size: bytes of the file.
      bytes_read: bytes read from disk so far.
      index_damaged: the index is missing or damaged, and chunks are found by their own lengths.

    Raises:
      UserError: if the file cannot be opened, is no .msv file, is of a newer version, or its header is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.bytes_read = 0
        try:
            if self.path.exists() and not self.path.is_file():
                raise UserError(f"{self.path}: is no plain file")
            # Unbuffered: what is read is what was asked for.
            self._file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise self._unreadable(error) from error
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            self.size = os.fstat(self._file.fileno()).st_size
            self._header_bytes, self.header = read_header(self.path, self.size, self._read)
            self._stream_crc = header_bytes.stream_crc(self.header)
            # Where each chunk that can be found starts, and where the last of them ends.
            starts = self._starts_by_index()
            self.index_damaged = starts is None
            self._starts = self._starts_by_lengths() if starts is None else starts
            on_failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the header stays."""
        self._file.close()

    @property
    def chunk_count(self) -> int:
        """Chunks that the header promises."""
        return self.header.chunks

    @property
    def whole_chunks(self) -> int:
        """Chunks that can be found and lie inside the file; fewer than `chunk_count` if it is truncated."""
        return len(self._starts) - 1

    @property
    def found_bytes(self) -> int:
        """Bytes of the header, of `whole_chunks` and of the index if that is whole: without the rest of a cut chunk."""
        return self._starts[-1] if self.index_damaged else self.size

    def require_whole(self) -> None:
        """Raises a `UserError` that says how many chunks are there, unless all are."""
        if self.whole_chunks < self.chunk_count:
            raise UserError(f"{self.path}: {self._cut_short()}")

    def payload_sizes(self, chunk: int) -> tuple[int, ...]:
        """Bytes of each level's payload, coarse first, from the chunk's head alone.

        Raises:
          DamagedChunk: if the chunk cannot be found or its lengths are damaged.
          IndexError: if there is no such chunk.
        """
        return self._read_head(chunk)[0].lengths

    def read_chunk(self, chunk: int, levels: int | None = None) -> list[bytes]:
        """The payloads of one chunk, coarse first; no other chunk is touched.

        Args:
          chunk: number of the chunk, from 0.
          levels: read only this many levels, 1 or more; the others' bytes are neither read nor checked.

        Raises:
          DamagedChunk: if the chunk cannot be found, or its lengths or one of these levels are damaged.
          IndexError: if there is no such chunk.
          ValueError: if there are not so many levels.
        """
        count = len(self.header.levels)
        levels = count if levels is None else levels
        if not 1 <= levels <= count:
            raise ValueError(f"levels={levels}; expected 1 to {count}")
        head, data = self._read_head(chunk)
        start, end = self._starts[chunk], head.end_of_level(levels - 1)
        if len(data) < end:
            data += self._read(start + len(data), end - len(data))
        payloads = []
        for level in range(levels):
            behind = head.end_of_level(level)
            payload = data[behind - CRC.size - head.lengths[level] : behind - CRC.size]
            crc = level_crc(self._place(chunk), level, data[: head.size], payload)
            if data[behind - CRC.size : behind] != CRC.pack(crc):
                raise self._damaged(chunk, f"level {self.header.levels[level].name} is damaged (CRC-32)")
            payloads.append(payload)
        return payloads

    def _read_head(self, chunk: int) -> tuple[Head, bytes]:
        """A chunk's head, and the first bytes of the chunk, of which it is the beginning."""
        place = self._place(chunk)
        if chunk >= self.whole_chunks:
            raise self._damaged(chunk, self._cut_short())
        start, size = self._starts[chunk], self._starts[chunk + 1] - self._starts[chunk]
        levels = len(self.header.levels)
        data = self._read(start, min(max_head_size(levels), size))
        head = parse_head(place, data, levels)
        if head is None or head.chunk_size != size:
            raise self._damaged(chunk, "its lengths are damaged")
        return head, data

    def _starts_by_index(self) -> array | None:
        start, smallest = len(self._header_bytes), min_chunk_size(len(self.header.levels))
        footer_at = self.size - index.FOOTER.size
        if footer_at < start:
            return None
        footer = index.parse_footer(self._read(footer_at, index.FOOTER.size))
        if footer is None or not self.chunk_count <= footer.index_size <= footer_at - start:
            return None
        end = footer_at - footer.index_size
        sizes = self._read(end, footer.index_size)
        starts = index.parse(self._header_bytes[-CRC.size :], footer, sizes, start, end, smallest)
        return starts if starts is not None and len(starts) == self.chunk_count + 1 else None

    def _starts_by_lengths(self) -> array:
        starts, levels = array("Q", [len(self._header_bytes)]), len(self.header.levels)
        for chunk in range(self.chunk_count):
            data = self._read(starts[-1], min(max_head_size(levels), self.size - starts[-1]))
            head = parse_head(self._place(chunk), data, levels)
            if head is None or head.chunk_size > self.size - starts[-1]:
                break
            starts.append(starts[-1] + head.chunk_size)
        return starts

    def _place(self, chunk: int) -> Place:
        return Place(self._stream_crc, chunk, self.header.frames_in_chunk(chunk))

    def _read(self, offset: int, count: int) -> bytes:
        """Bytes of the file; the caller has compared `offset` and `count` with its size."""
        parts = []
        try:
            self._file.seek(offset)
            while count:
                part = self._file.read(count)
                if not part:
                    raise UserError(f"{self.path}: has become shorter while it was read")
                parts.append(part)
                self.bytes_read += len(part)
                count -= len(part)
        except OSError as error:
            raise self._unreadable(error) from error
        return b"".join(parts)

    def _cut_short(self) -> str:
        return f"truncated or damaged; {self.whole_chunks} of {self.chunk_count} chunks are whole"

    def _damaged(self, chunk: int, what: str) -> DamagedChunk:
        return DamagedChunk(f"{self.path}: chunk {chunk}: {what}", chunk)

    def _unreadable(self, error: OSError) -> UserError:
        return UserError(f"{self.path}: cannot be read ({error.strerror or error})")
