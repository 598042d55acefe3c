"""A chunk's head and checksums, both bound to the file and to the chunk's place in it.

lengths of the payloads (varints), head check (1 byte), then per level: payload, CRC-32
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from vqvae_jax.container import varint
from vqvae_jax.errors import UserError

CRC = struct.Struct("<I")
MAX_PAYLOAD_BYTES = 2**28 - 1
MAX_LENGTH_BYTES = 4  # of its varint


class DamagedChunk(UserError):  # noqa: N818 (says what is the matter, as UserError does)
    """One chunk cannot be read; the others may well be. `chunk` is its number."""

    def __init__(self, message: str, chunk: int) -> None:
        super().__init__(message)
        self.chunk = chunk


class Place(NamedTuple):
    """Where a chunk belongs; its checksums start from this."""

    stream_crc: int  # `header_bytes.stream_crc` of the file
    chunk: int  # number of the chunk, from 0
    frames: int  # frames of the video in it

    def pack(self) -> bytes:
        return struct.pack("<IIH", *self)


class Head(NamedTuple):
    """A chunk's own account of its sizes."""

    lengths: tuple[int, ...]  # bytes of each level's payload
    size: int  # bytes of the head itself

    @property
    def chunk_size(self) -> int:
        """Bytes of the whole chunk."""
        return self.end_of_level(len(self.lengths) - 1)

    def end_of_level(self, level: int) -> int:
        """Offset in the chunk behind a level's CRC-32."""
        return self.size + sum(self.lengths[: level + 1]) + (level + 1) * CRC.size


def min_chunk_size(levels: int) -> int:
    """Bytes of a chunk without payload."""
    return levels * (1 + CRC.size) + 1


def max_head_size(levels: int) -> int:
    """Bytes of a head with the longest lengths."""
    return levels * MAX_LENGTH_BYTES + 1


def pack_chunk(place: Place, payloads: Sequence[bytes]) -> bytes:
    """A whole chunk.

    Raises:
      ValueError: if a payload is longer than `MAX_PAYLOAD_BYTES`.
    """
    longest = max(map(len, payloads))
    if longest > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {longest} bytes; a chunk's level holds at most {MAX_PAYLOAD_BYTES}")
    lengths = b"".join(varint.encode(len(payload)) for payload in payloads)
    head = lengths + _head_check(place, lengths)
    parts = [head]
    for level, payload in enumerate(payloads):
        parts += [payload, CRC.pack(level_crc(place, level, head, payload))]
    return b"".join(parts)


def parse_head(place: Place, data: bytes, levels: int) -> Head | None:
    """The head at the start of `data`, or None if there is none: bad lengths, or the head check does not match."""
    lengths, offset = [], 0
    try:
        for _ in range(levels):
            length, offset = varint.decode(data, offset, MAX_LENGTH_BYTES)
            lengths.append(length)
    except varint.VarintError:
        return None
    if data[offset : offset + 1] != _head_check(place, data[:offset]):
        return None
    return Head(tuple(lengths), offset + 1)


def level_crc(place: Place, level: int, head: bytes, payload: bytes) -> int:
    """CRC-32 of place, level number, head and payload: any of them exchanged, and it does not match."""
    return zlib.crc32(payload, zlib.crc32(place.pack() + bytes([level]) + head))


def _head_check(place: Place, lengths: bytes) -> bytes:
    return bytes([zlib.crc32(place.pack() + lengths) & 0xFF])
