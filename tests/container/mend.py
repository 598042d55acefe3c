"""Puts the checksums of a mutated file right again, so that tests reach what lies behind them.

Written from docs/format.md alone, without the library: a second reading of the format.
"""

import struct
import zlib

HEADER_FIXED = 41  # bytes before the level records; the last one is the number of levels


def mend(data: bytes, rebuild_index: bool = False) -> bytes:
    """A file of the same length with right checksums wherever its (mutated) lengths still lead.

    Args:
      data: any bytes; what has no header's shape comes back as it is.
      rebuild_index: write a new index behind the chunks if their lengths lead through all of them, so that mutated
        lengths agree with it; the file's length may change. Otherwise the index keeps its sizes.
    """
    out = bytearray(data)
    if len(out) < HEADER_FIXED + 4:
        return data
    header_size, levels = struct.unpack_from("<H", out, 5)[0], out[40]
    if not HEADER_FIXED + 4 <= header_size <= len(out):
        return data
    header_end = header_size - 4
    struct.pack_into("<I", out, header_end, zlib.crc32(out[:header_end]))
    end, sizes = _mend_chunks(out, header_size, levels) if levels else (header_size, [])
    if rebuild_index and len(sizes) == _chunk_count(out):
        index = b"".join(map(_varint, sizes))
        out[end:] = index + _footer(bytes(out[header_end:header_size]), index)
    elif out[-4:] == b"MSVX":
        index_size = struct.unpack_from("<I", out, len(out) - 12)[0]
        if index_size <= len(out) - header_size - 12:
            index = bytes(out[len(out) - 12 - index_size : -12])
            out[-12:] = _footer(bytes(out[header_end:header_size]), index)
    return bytes(out)


def _mend_chunks(out: bytearray, offset: int, levels: int) -> tuple[int, list[int]]:
    """Mends chunk after chunk while lengths lead on; the offset behind the last one, and all their sizes."""
    frames, chunk_frames = struct.unpack_from("<IH", out, 34)
    without_frames = out[: offset - 4]
    without_frames[34:38] = bytes(4)
    stream_crc = zlib.crc32(without_frames)
    sizes: list[int] = []
    for chunk in range(_chunk_count(out)):
        place = struct.pack("<IIH", stream_crc, chunk, min(chunk_frames, frames - chunk * chunk_frames))
        at, lengths = offset, []
        for _ in range(levels):
            length = 0
            for shift in (0, 7, 14, 21):
                if at >= len(out):
                    return offset, sizes
                byte, at = out[at], at + 1
                length |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
            lengths.append(length)
        if at + 1 + sum(lengths) + 4 * levels > len(out):
            return offset, sizes
        out[at] = zlib.crc32(place + out[offset:at]) & 0xFF
        head, at = bytes(out[offset : at + 1]), at + 1
        for level, length in enumerate(lengths):
            crc = zlib.crc32(place + bytes([level]) + head + out[at : at + length])
            struct.pack_into("<I", out, at + length, crc)
            at += length + 4
        sizes.append(at - offset)
        offset = at
    return offset, sizes


def _chunk_count(out: bytearray) -> int:
    frames, chunk_frames = struct.unpack_from("<IH", out, 34)
    return -(-frames // chunk_frames) if chunk_frames else 0


def _footer(header_crc: bytes, index: bytes) -> bytes:
    size = struct.pack("<I", len(index))
    return size + struct.pack("<I", zlib.crc32(header_crc + index + size)) + b"MSVX"


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
