"""A chunk's head and checksums, both bound to the file and to the chunk's place in it.

lengths of the parts (varints), head check (1 byte), then each part and its CRC-32
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from vqvae_jax.container import varint
from vqvae_jax.container.header import CRC
from vqvae_jax.errors import UserError

MAX_PART_BYTES = 2**28 - 1
MAX_LENGTH_BYTES = 4  # of its varint
HEAD = 2**32 - 1  # in place of a number: more chunks than a video can have


class DamagedChunk(UserError):  # noqa: N818 (says what is the matter, as UserError does)
    """One chunk cannot be read; the others may well be. `chunk` is its number."""

    def __init__(self, message: str, chunk: int) -> None:
        super().__init__(message)
        self.chunk = chunk


class Place(NamedTuple):
    """Where a chunk belongs; its checksums start from this."""

    stream_crc: int  # `header.stream_crc` of the file
    chunk: int  # number of the chunk, from 0; `HEAD` for the head chunk
    frames: int  # frames of the video in it

    def pack(self) -> bytes:
        return struct.pack("<IIH", *self)


class Head(NamedTuple):
    """A chunk's own account of its sizes."""

    lengths: tuple[int, ...]  # bytes of each part
    size: int  # bytes of the head itself

    @property
    def chunk_size(self) -> int:
        """Bytes of the whole chunk."""
        return self.end_of_part(len(self.lengths) - 1)

    def end_of_part(self, part: int) -> int:
        """Offset in the chunk behind a part's CRC-32."""
        return self.size + sum(self.lengths[: part + 1]) + (part + 1) * CRC.size


def min_chunk_size(parts: int) -> int:
    """Bytes of a chunk whose parts are empty."""
    return parts * (1 + CRC.size) + 1


def max_head_size(parts: int) -> int:
    """Bytes of a head with the longest lengths."""
    return parts * MAX_LENGTH_BYTES + 1


def pack_chunk(place: Place, parts: Sequence[bytes]) -> bytes:
    """A whole chunk.

    Raises:
      ValueError: if a part is longer than `MAX_PART_BYTES`.
    """
    longest = max(map(len, parts))
    if longest > MAX_PART_BYTES:
        raise ValueError(f"a part of {longest} bytes; a chunk's hold at most {MAX_PART_BYTES}")
    lengths = b"".join(varint.encode(len(part)) for part in parts)
    head = lengths + _head_check(place, lengths)
    checked = (part + CRC.pack(part_crc(place, number, head, part)) for number, part in enumerate(parts))
    return head + b"".join(checked)


def parse_head(place: Place, data: bytes, parts: int) -> Head | None:
    """The head at the start of `data`, or None if there is none: bad lengths, or the head check does not match."""
    lengths, offset = [], 0
    try:
        for _ in range(parts):
            length, offset = varint.decode(data, offset, MAX_LENGTH_BYTES)
            lengths.append(length)
    except varint.VarintError:
        return None
    if data[offset : offset + 1] != _head_check(place, data[:offset]):
        return None
    return Head(tuple(lengths), offset + 1)


def part_crc(place: Place, number: int, head: bytes, part: bytes) -> int:
    """CRC-32 of place, number of the part, head and part: any of them exchanged, and it does not match."""
    return zlib.crc32(part, zlib.crc32(place.pack() + bytes([number]) + head))


def _head_check(place: Place, lengths: bytes) -> bytes:
    return bytes([zlib.crc32(place.pack() + lengths) & 0xFF])
