"""The header as bytes, and back. Little-endian."""

import struct
import zlib
from fractions import Fraction

from vqvae_jax.config import check
from vqvae_jax.container.header import BUNDLE_BYTES, MAX_LEVELS, MAX_NAME_BYTES, MODES, Header, LevelLayout
from vqvae_jax.errors import ConfigError

# The first byte is no text in any encoding, so that no text file passes for one of ours.
MAGIC = b"\x89MSV"
VERSION = 1

#: Magic, format version, size of the whole header. These stay where they are in every version.
START = struct.Struct("<4sBH")
#: Mode, bundle; width, height; source width, source height; pad right, pad bottom; rate; frames; chunk; levels.
FIELDS = struct.Struct(f"<B{BUNDLE_BYTES}sHHHHBBIIIHB")
#: Strides, codes - 1, bytes of the name, which follows.
LEVEL = struct.Struct("<BBBHB")
CRC = struct.Struct("<I")

MAX_HEADER_BYTES = START.size + FIELDS.size + MAX_LEVELS * (LEVEL.size + MAX_NAME_BYTES) + CRC.size


def pack(header: Header) -> bytes:
    """The header as it stands at the start of a file, CRC-32 included."""
    body = _body(header, header.frames)
    return body + CRC.pack(zlib.crc32(body))


def stream_crc(header: Header) -> int:
    """What ties chunks to their header: CRC-32 of the header with 0 frames, since a writer learns the number last."""
    return zlib.crc32(_body(header, 0))


def _body(header: Header, frames: int) -> bytes:
    levels = b"".join(
        LEVEL.pack(*level.strides, level.codes - 1, len(level.name)) + level.name.encode("ascii")
        for level in header.levels
    )
    fields = FIELDS.pack(
        MODES.index(header.mode),
        header.bundle,
        header.width,
        header.height,
        header.source_width,
        header.source_height,
        header.padded_width - header.width,
        header.padded_height - header.height,
        header.rate.numerator,
        header.rate.denominator,
        frames,
        header.chunk_frames,
        len(header.levels),
    )
    size = START.size + len(fields) + len(levels) + CRC.size
    return START.pack(MAGIC, VERSION, size) + fields + levels


def unpack(data: bytes) -> Header:
    """The header that `data`, whose CRC-32 is known to be right, holds from its first byte to its last.

    Raises:
      ConfigError: if it is not what `pack` writes for some header.
    """
    try:
        mode, bundle, width, height, source_width, source_height, _, _, numerator, denominator, *rest = (
            FIELDS.unpack_from(data, START.size)
        )
        frames, chunk_frames, level_count = rest
        levels, offset = [], START.size + FIELDS.size
        for _ in range(level_count):
            *strides, top_code, name_bytes = LEVEL.unpack_from(data, offset)
            offset += LEVEL.size
            name = data[offset : offset + name_bytes].decode("latin-1")
            offset += name_bytes
            levels.append(LevelLayout(name, (strides[0], strides[1], strides[2]), top_code + 1))
    except struct.error as error:
        raise ConfigError("config: the header is shorter than its fields") from error
    check(mode < len(MODES), "mode", mode, f"0 to {len(MODES) - 1}")
    check(denominator > 0, "rate.denominator", denominator, "at least 1")
    header = Header(
        mode=MODES[mode],
        bundle=bundle,
        width=width,
        height=height,
        source_width=source_width,
        source_height=source_height,
        rate=Fraction(numerator, denominator),
        frames=frames,
        chunk_frames=chunk_frames,
        levels=tuple(levels),
    )
    # Padding that does not follow from the sizes, a rate not in lowest terms, bytes left over.
    if pack(header) != data:
        raise ConfigError("config: the header's fields contradict one another")
    return header
