"""Reading an .msv file: any chunk, any prefix of its parts, and what is left of a damaged file."""

import contextlib
import io
from array import array
from pathlib import Path
from typing import BinaryIO, Self

from vqvae_jax.container import index
from vqvae_jax.container.chunk import (
    HEAD,
    DamagedChunk,
    Head,
    Place,
    max_head_size,
    min_chunk_size,
    parse_head,
    part_crc,
)
from vqvae_jax.container.header import CRC, read_header, stream_crc
from vqvae_jax.errors import UserError


class Reader:
    """Opens a file by its header and index; chunks are read one by one, each part with its own checksum.

    Without a whole index the chunks are found by their own lengths, as far as those lead. Nothing is allocated on the
    word of a length before that was compared with the size of the file.

    Args:
      source: a path, the file's bytes, or a binary file open for reading that can seek, whose whole content it is.

    Attributes:
      name: of the file, for messages.
      header: the file's `Header`.
      size: bytes of the file.
      bytes_read: bytes read from it so far.
      index_damaged: the index is missing or damaged (or where none belongs, the file does not end with its chunk), and
        chunks are found by their own lengths.

    Raises:
      UserError: if the file cannot be opened, is no .msv file, is of a newer version, or its header is damaged.
    """

    def __init__(self, source: str | Path | bytes | BinaryIO) -> None:
        self.bytes_read = 0
        self.name = str(source) if isinstance(source, str | Path) else "the coded video"
        try:
            with contextlib.ExitStack() as on_failure:
                if isinstance(source, str | Path):
                    path = Path(source)
                    if path.exists() and not path.is_file():
                        raise UserError(f"{self.name}: is no plain file")
                    # Unbuffered: what is read is what was asked for.
                    self._file: BinaryIO | io.FileIO = on_failure.enter_context(path.open("rb", buffering=0))
                else:
                    self._file = io.BytesIO(source) if isinstance(source, bytes) else source
                self._owned = not hasattr(source, "read")
                self.size = self._file.seek(0, io.SEEK_END)
                self._header_bytes, self.header = read_header(self.name, self.size, self._read)
                self._stream_crc = stream_crc(self.header)
                # Where each chunk that can be found starts, the head chunk first, and where the last of them ends.
                starts = self._starts_by_index()
                self.index_damaged = starts is None
                self._starts = self._starts_by_lengths() if starts is None else starts
                on_failure.pop_all()
        except OSError as error:
            raise self._unreadable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, unless it came open; the header stays."""
        if self._owned:
            self._file.close()

    @property
    def chunk_count(self) -> int:
        """Chunks that the header promises, without the head chunk."""
        return self.header.chunks

    @property
    def whole_chunks(self) -> int:
        """Chunks that can be found and lie inside the file; fewer than `chunk_count` if it is truncated."""
        return max(len(self._starts) - 1 - self._heads, 0)

    @property
    def end_fault(self) -> str:
        """What is wrong behind the last chunk, where `index_damaged`: an index, or that there should be nothing."""
        what = "its index is missing or damaged" if self.header.indexed else "bytes are missing or added at its end"
        return f"{what}; chunks are found by their own lengths"

    @property
    def _heads(self) -> int:
        return 1 if self.header.head_parts else 0

    @property
    def found_bytes(self) -> int:
        """Bytes of the header, of `whole_chunks` and of the index if that is whole: without the rest of a cut chunk."""
        return self._starts[-1] if self.index_damaged else self.size

    def require_whole(self) -> None:
        """Raises a `UserError` that says how many chunks are there, unless all are."""
        if self.whole_chunks < self.chunk_count:
            raise UserError(f"{self.name}: {self._cut_short()}")

    def part_sizes(self, chunk: int) -> dict[str, int]:
        """Bytes of each part in decoding order, from the chunk's head alone.

        Raises:
          DamagedChunk: if the chunk cannot be found or its lengths are damaged.
          IndexError: if there is no such chunk.
        """
        return dict(zip(self.header.parts, self._read_head(chunk)[0].lengths, strict=True))

    def read_chunk(self, chunk: int, parts: int | None = None) -> dict[str, bytes]:
        """The parts of one chunk in decoding order; no other chunk is touched.

        Args:
          chunk: number of the chunk, from 0.
          parts: read only this many, 1 or more; the others' bytes are neither read nor checked.

        Raises:
          DamagedChunk: if the chunk cannot be found, or its lengths or one of these parts are damaged.
          IndexError: if there is no such chunk.
          ValueError: if there are not so many parts.
        """
        names = self.header.parts
        if parts is not None and not 1 <= parts <= len(names):
            raise ValueError(f"parts={parts}; expected 1 to {len(names)}")
        return self._read_parts(chunk, names[:parts])

    def read_head_chunk(self) -> dict[str, bytes]:
        """The parts of the chunk before the first; empty if the file has none.

        Raises:
          DamagedChunk: if it cannot be found or is damaged.
        """
        return self._read_parts(HEAD, self.header.head_parts) if self._heads else {}

    def _read_parts(self, chunk: int, names: tuple[str, ...]) -> dict[str, bytes]:
        head, data = self._read_head(chunk)
        start, end = self._starts[self._position(chunk)], head.end_of_part(len(names) - 1)
        if len(data) < end:
            data += self._read(start + len(data), end - len(data))
        parts = {}
        for number, name in enumerate(names):
            behind = head.end_of_part(number)
            part = data[behind - CRC.size - head.lengths[number] : behind - CRC.size]
            crc = part_crc(self._place(chunk), number, data[: head.size], part)
            if data[behind - CRC.size : behind] != CRC.pack(crc):
                raise self._damaged(chunk, f"{name} is damaged (CRC-32)")
            parts[name] = part
        return parts

    def _read_head(self, chunk: int) -> tuple[Head, bytes]:
        """A chunk's head, and the first bytes of the chunk, of which it is the beginning."""
        place, position = self._place(chunk), self._position(chunk)
        if position >= len(self._starts) - 1:
            raise self._damaged(chunk, self._cut_short())
        start, size = self._starts[position], self._starts[position + 1] - self._starts[position]
        parts = self._part_count(position)
        data = self._read(start, min(max_head_size(parts), size))
        head = parse_head(place, data, parts)
        if head is None or head.chunk_size != size:
            raise self._damaged(chunk, "its lengths are damaged")
        return head, data

    def _starts_by_index(self) -> array | None:
        """None if the index is missing or damaged; where none belongs, if the file does not end with its chunk."""
        if not self.header.indexed:
            starts = self._starts_by_lengths()
            return starts if len(starts) == 2 and starts[-1] == self.size else None
        start, chunks = len(self._header_bytes), self.chunk_count + self._heads
        smallest = min_chunk_size(min(self._part_count(0), len(self.header.parts)))
        return index.read_starts(self._read, self._header_bytes[-CRC.size :], start, self.size, chunks, smallest)

    def _starts_by_lengths(self) -> array:
        starts = array("Q", [len(self._header_bytes)])
        for position in range(self._heads + self.chunk_count):
            parts = self._part_count(position)
            data = self._read(starts[-1], min(max_head_size(parts), self.size - starts[-1]))
            chunk = HEAD if position < self._heads else position - self._heads
            head = parse_head(self._place(chunk), data, parts)
            if head is None or head.chunk_size > self.size - starts[-1]:
                break
            starts.append(starts[-1] + head.chunk_size)
        return starts

    def _position(self, chunk: int) -> int:
        """How many chunks come before this one in the file."""
        return 0 if chunk == HEAD else chunk + self._heads

    def _part_count(self, position: int) -> int:
        return len(self.header.head_parts if position < self._heads else self.header.parts)

    def _place(self, chunk: int) -> Place:
        return Place(self._stream_crc, chunk, 0 if chunk == HEAD else self.header.frames_in_chunk(chunk))

    def _read(self, offset: int, count: int) -> bytes:
        """Bytes of the file; the caller has compared `offset` and `count` with its size."""
        parts = []
        try:
            self._file.seek(offset)
            while count:
                part = self._file.read(count)
                if not part:
                    raise UserError(f"{self.name}: has become shorter while it was read")
                parts.append(part)
                self.bytes_read += len(part)
                count -= len(part)
        except OSError as error:
            raise self._unreadable(error) from error
        return b"".join(parts)

    def _cut_short(self) -> str:
        return f"truncated or damaged; {self.whole_chunks} of {self.chunk_count} chunks are whole"

    def _damaged(self, chunk: int, what: str) -> DamagedChunk:
        return DamagedChunk(f"{self.name}: {'head chunk' if chunk == HEAD else f'chunk {chunk}'}: {what}", chunk)

    def _unreadable(self, error: OSError) -> UserError:
        return UserError(f"{self.name}: cannot be read ({error.strerror or error})")
