"""The index at the end of a file: the size of every chunk, for random access and for going on behind a damaged one.

chunk sizes (varints), size of that (uint32), CRC-32, magic
"""

import struct
import zlib
from array import array
from typing import NamedTuple

from vqvae_jax.container import varint

MAGIC = b"MSVX"
FOOTER = struct.Struct("<II4s")
MAX_SIZE_BYTES = 5  # of the varint of a chunk's size


class Footer(NamedTuple):
    """The last bytes of a file."""

    index_size: int  # bytes of the chunk sizes in front of the footer
    crc: int


def pack(header_crc: bytes, sizes: bytes) -> bytes:
    """Index and footer.

    Args:
      header_crc: the last four bytes of the finished header; they bind the index to it.
      sizes: `varint.encode` of every chunk's size, one after the other.
    """
    return sizes + FOOTER.pack(len(sizes), _crc(header_crc, sizes), MAGIC)


def parse_footer(data: bytes) -> Footer | None:
    """The footer in the last bytes of `data`, or None if there is none."""
    if len(data) < FOOTER.size:
        return None
    index_size, crc, magic = FOOTER.unpack(data[-FOOTER.size :])
    return Footer(index_size, crc) if magic == MAGIC else None


def parse(header_crc: bytes, footer: Footer, sizes: bytes, start: int, end: int, min_size: int) -> array | None:
    """Where every chunk starts and, last, where the last one ends; None if the index is damaged.

    Args:
      header_crc: the last four bytes of the header.
      sizes: the bytes in front of the footer, `footer.index_size` of them.
      start, end: offsets in the file between which the chunks must lie without a gap.
      min_size: bytes of the smallest chunk.
    """
    if footer.crc != _crc(header_crc, sizes):
        return None
    starts, offset = array("Q", [start]), 0
    try:
        while offset < len(sizes):
            size, offset = varint.decode(sizes, offset, MAX_SIZE_BYTES)
            # Ends a long list of lies early, before it has cost more memory than the file has bytes.
            if size < min_size or starts[-1] + size > end:
                return None
            starts.append(starts[-1] + size)
    except varint.VarintError:
        return None
    return starts if starts[-1] == end else None


def _crc(header_crc: bytes, sizes: bytes) -> int:
    # Not the whole header: the CRC-32 of anything followed by its own CRC-32 is always the same.
    return zlib.crc32(header_crc + sizes + struct.pack("<I", len(sizes)))
