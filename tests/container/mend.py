"""Puts the checksums of a mutated file right again, so that tests reach what lies behind them.

Written from docs/format.md alone, without the library: a second reading of the format.
"""

import struct
import zlib
from typing import NamedTuple

HEADER_LEAST = 33  # bytes of the smallest header of any version


class Shape(NamedTuple):
    """What it takes to walk through a file."""

    frames_at: int  # offset of F
    chunk_frames: int  # C
    head_parts: int  # 0: there is no head chunk
    parts: int


def mend(data: bytes, rebuild_index: bool = False) -> bytes:
    """A file of the same length with right checksums wherever its (mutated) lengths still lead.

    Args:
      data: any bytes; what has no header's shape comes back as it is.
      rebuild_index: write a new index behind the chunks if their lengths lead through all of them, so that mutated
        lengths agree with it; the file's length may change. Otherwise the index keeps its sizes.
    """
    out = bytearray(data)
    if len(out) < HEADER_LEAST:
        return data
    header_size = struct.unpack_from("<H", out, 5)[0]
    if not HEADER_LEAST <= header_size <= len(out):
        return data
    header_end = header_size - 4
    struct.pack_into("<I", out, header_end, zlib.crc32(out[:header_end]))
    shape = _shape(out)
    end, sizes = _mend_chunks(out, header_size, shape) if shape.parts else (header_size, [])
    if rebuild_index and len(sizes) == bool(shape.head_parts) + _chunk_count(out, shape):
        if out[4] == 3 and len(sizes) == 1:
            del out[end:]
            return bytes(out)
        index = b"".join(map(_varint, sizes))
        out[end:] = index + _footer(bytes(out[header_end:header_size]), index)
    elif out[-4:] == b"MSVX" and not (out[4] == 3 and _chunk_count(out, shape) == 1 and not shape.head_parts):
        index_size = struct.unpack_from("<I", out, len(out) - 12)[0]
        if index_size <= len(out) - header_size - 12:
            index = bytes(out[len(out) - 12 - index_size : -12])
            out[-12:] = _footer(bytes(out[header_end:header_size]), index)
    return bytes(out)


def _shape(out: bytearray) -> Shape:
    if out[4] not in (2, 3):
        return Shape(
            34, struct.unpack_from("<H", out, 38)[0] if len(out) > 40 else 0, 0, out[40] if len(out) > 40 else 0
        )
    if out[4] == 2:
        frames_at, at = 31, 37
        chunk_frames = struct.unpack_from("<H", out, 35)[0] if len(out) > 37 else 0
    else:
        frames_at, at, chunk_frames = 11, 15, 0
        for _ in range(7):  # width, height, source width, source height, rate over rate, C
            chunk_frames = 0
            for shift in range(0, 35, 7):
                byte = out[at] if at < len(out) else 0
                chunk_frames |= (byte & 0x7F) << shift
                at += 1
                if byte < 0x80:
                    break
    nothing = Shape(frames_at, chunk_frames, 0, 0)
    if at >= len(out):
        return nothing
    at += 1 + out[at]  # behind the family's name
    counts = []
    for _ in range(2):
        if at >= len(out):
            return nothing
        counts.append(out[at])
        at += 1
        for _ in range(counts[-1]):
            at += 1 + (out[at] if at < len(out) else 0)
    return Shape(frames_at, chunk_frames, counts[1], counts[0])


def _mend_chunks(out: bytearray, offset: int, shape: Shape) -> tuple[int, list[int]]:
    """Mends chunk after chunk while lengths lead on; the offset behind the last one, and all their sizes."""
    (frames,), chunk_frames = struct.unpack_from("<I", out, shape.frames_at), shape.chunk_frames
    without_frames = out[: offset - 4]
    without_frames[shape.frames_at : shape.frames_at + 4] = bytes(4)
    stream_crc = zlib.crc32(without_frames)
    sizes: list[int] = []
    first = -1 if shape.head_parts else 0
    for chunk in range(first, _chunk_count(out, shape)):
        held = 0 if chunk < 0 else min(chunk_frames, frames - chunk * chunk_frames)
        place = struct.pack("<IIH", stream_crc, chunk % 2**32, held % 2**16)
        at, lengths = offset, []
        for _ in range(shape.head_parts if chunk < 0 else shape.parts):
            length = 0
            for shift in (0, 7, 14, 21):
                if at >= len(out):
                    return offset, sizes
                byte, at = out[at], at + 1
                length |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
            lengths.append(length)
        if at + 1 + sum(lengths) + 4 * len(lengths) > len(out):
            return offset, sizes
        out[at] = zlib.crc32(place + out[offset:at]) & 0xFF
        head, at = bytes(out[offset : at + 1]), at + 1
        for part, length in enumerate(lengths):
            crc = zlib.crc32(place + bytes([part]) + head + out[at : at + length])
            struct.pack_into("<I", out, at + length, crc)
            at += length + 4
        sizes.append(at - offset)
        offset = at
    return offset, sizes


def _chunk_count(out: bytearray, shape: Shape) -> int:
    (frames,) = struct.unpack_from("<I", out, shape.frames_at)
    return -(-frames // shape.chunk_frames) if shape.chunk_frames else 0


def _footer(header_crc: bytes, index: bytes) -> bytes:
    size = struct.pack("<I", len(index))
    return size + struct.pack("<I", zlib.crc32(header_crc + index + size)) + b"MSVX"


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
