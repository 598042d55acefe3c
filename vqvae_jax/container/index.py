"""The index at the end of a file: the size of every chunk, for random access and for going on behind a damaged one.

chunk sizes (varints), size of that (uint32), CRC-32, magic
"""

import struct
import zlib
from array import array
from collections.abc import Callable

from vqvae_jax.container import varint

MAGIC = b"MSVX"
FOOTER = struct.Struct("<II4s")
MAX_SIZE_BYTES = 5  # of the varint of a chunk's size


def pack(header_crc: bytes, sizes: bytes) -> bytes:
    """Index and footer.

    Args:
      header_crc: the last four bytes of the finished header; they bind the index to it.
      sizes: `varint.encode` of every chunk's size, one after the other.
    """
    return sizes + FOOTER.pack(len(sizes), _crc(header_crc, sizes), MAGIC)


def read_starts(
    read: Callable[[int, int], bytes], header_crc: bytes, start: int, size: int, chunks: int, min_size: int
) -> array | None:
    """Where every chunk starts and, last, where the last one ends; None if the index is missing or damaged.

    Args:
      read: gives bytes of the file by offset and count.
      header_crc: the last four bytes of the header.
      start: bytes of the header; behind it the chunks lie without a gap.
      size: bytes of the file.
      chunks: how many there are.
      min_size: bytes of the smallest one.
    """
    footer_at = size - FOOTER.size
    if footer_at < start:
        return None
    index_size, crc, magic = FOOTER.unpack(read(footer_at, FOOTER.size))
    if magic != MAGIC or not chunks <= index_size <= footer_at - start:
        return None
    end = footer_at - index_size
    sizes = read(end, index_size)
    if crc != _crc(header_crc, sizes):
        return None
    starts, offset = array("Q", [start]), 0
    try:
        while offset < len(sizes):
            chunk, offset = varint.decode(sizes, offset, MAX_SIZE_BYTES)
            # Ends a long list of lies early, before it has cost more memory than the file has bytes.
            if chunk < min_size or starts[-1] + chunk > end:
                return None
            starts.append(starts[-1] + chunk)
    except varint.VarintError:
        return None
    return starts if starts[-1] == end and len(starts) == chunks + 1 else None


def _crc(header_crc: bytes, sizes: bytes) -> int:
    # Not the whole header: the CRC-32 of anything followed by its own CRC-32 is always the same.
    return zlib.crc32(header_crc + sizes + struct.pack("<I", len(sizes)))
