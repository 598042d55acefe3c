"""What a file says about its video before any of it is decoded, and the same as bytes (docs/format.md)."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from vqvae_jax.config import check
from vqvae_jax.container import varint
from vqvae_jax.errors import ConfigError, UserError

# The first byte is no text in any encoding, so that no text file passes for one of ours.
MAGIC = b"\x89MSV"
NEWEST = COMPACT = 3  # versions of the format
#: Magic, format version, size of the whole header. These stay where they are in every version.
START = struct.Struct("<4sBH")
CRC = struct.Struct("<I")

BUNDLE_BYTES = 8
SHORT_BUNDLE_BYTES = 4  # of version 3
MAX_SIDE = 2**14
MAX_PARTS = 16
MAX_NAME_BYTES = 15
MAX_FAMILY_HEADER_BYTES = 4096
UINT16_MAX, UINT32_MAX = 2**16 - 1, 2**32 - 1

#: Version 1: family's first byte; bundle; width, height; source width, source height; two more of the family; rate;
#: frames; chunk; levels.
FIELDS_1 = struct.Struct(f"<B{BUNDLE_BYTES}sHHHH2sIIIHB")
#: Three strides, codes - 1, bytes of the name, which follows.
LEVEL_1 = struct.Struct("<BBBHB")
MAX_LEVELS_1 = 4
#: Version 2: bundle; width, height; source width, source height; rate; frames; chunk.
FIELDS_2 = struct.Struct(f"<{BUNDLE_BYTES}sHHHHIIIH")
SIZE_2 = struct.Struct("<H")  # of the family's header
#: Version 3: bundle; frames; all else is varints and names.
FIELDS_3 = struct.Struct(f"<{SHORT_BUNDLE_BYTES}sI")
MAX_VARINT_BYTES = 5
MAX_HEADER_BYTES = (
    START.size
    + max(FIELDS_2.size, FIELDS_3.size + 7 * MAX_VARINT_BYTES)
    + (1 + MAX_NAME_BYTES)
    + 2 * (1 + MAX_PARTS * (1 + MAX_NAME_BYTES))
    + (SIZE_2.size + MAX_FAMILY_HEADER_BYTES)
    + CRC.size
)


@dataclass(frozen=True)
class Header:
    """What all families have in common, and one field of bytes that only the family reads; validated.

    Raises:
      ConfigError: if a field is out of its range or names repeat.
    """

    bundle: bytes  # start of the digest of the model file, 8 bytes or, compact, 4; zeros if the file brings its model
    width: int  # pixels as coded, before any padding; 1 to 16384
    height: int
    source_width: int  # pixels of the source video, whose aspect the picture is shown at; 1 to 65535
    source_height: int
    rate: Fraction  # frames per second; numerator and denominator below 2**32
    frames: int  # 1 to 2**32 - 1
    chunk_frames: int  # frames of every chunk but the last, 1 to 65535
    parts: tuple[str, ...]  # of every chunk, in decoding order; 1 to 16 names of 1 to 15 printable ASCII characters
    family_header: bytes  # what the family's decoder needs to know of the file, up to 4096 bytes
    family: str = ""  # which kind of model decodes it; a file of version 1 names none
    head_parts: tuple[str, ...] = ()  # of the head chunk, which comes before the first; none: there is no such chunk
    compact: bool = False  # version 3: numbers as short as they are, no index behind a single chunk

    def __post_init__(self) -> None:
        size = SHORT_BUNDLE_BYTES if self.compact else BUNDLE_BYTES
        bundle_ok = isinstance(self.bundle, bytes) and len(self.bundle) == size
        check(bundle_ok, "bundle", self.bundle, f"{size} bytes")
        check(not self.compact or self.family != "", "family", self.family, "a name in a compact header")
        _check_integer("width", self.width, 1, MAX_SIDE)
        _check_integer("height", self.height, 1, MAX_SIDE)
        _check_integer("source_width", self.source_width, 1, UINT16_MAX)
        _check_integer("source_height", self.source_height, 1, UINT16_MAX)
        check(isinstance(self.rate, Fraction), "rate", self.rate, "a Fraction")
        _check_integer("rate.numerator", self.rate.numerator, 1, UINT32_MAX)
        _check_integer("rate.denominator", self.rate.denominator, 1, UINT32_MAX)
        _check_integer("frames", self.frames, 1, UINT32_MAX)
        _check_integer("chunk_frames", self.chunk_frames, 1, UINT16_MAX)
        most = MAX_PARTS if self.family else MAX_LEVELS_1
        check(1 <= len(self.parts) <= most, "parts", len(self.parts), f"1 to {most} parts")
        check(len(self.head_parts) <= most, "head_parts", len(self.head_parts), f"0 to {most} parts")
        for field, names in {"parts": self.parts, "head_parts": self.head_parts, "family": (self.family,)}.items():
            for name in names:
                ok = isinstance(name, str) and name.isascii() and name.isprintable() and len(name) <= MAX_NAME_BYTES
                check(
                    ok and (name != "" or field == "family"), field, name, "1 to 15 printable ASCII characters as name"
                )
            check(len(set(names)) == len(names), field, names, "names that differ")
        size_ok = isinstance(self.family_header, bytes) and len(self.family_header) <= MAX_FAMILY_HEADER_BYTES
        check(size_ok, "family_header", self.family_header, f"at most {MAX_FAMILY_HEADER_BYTES} bytes")
        if not self.family:
            check(not self.head_parts, "head_parts", self.head_parts, "none in a file that names no family")
            fits = _level_names(self.family_header) == self.parts
            check(fits, "family_header", self.family_header, "three bytes, the number of parts and their level records")

    @property
    def version(self) -> int:
        """Of the format: 1 for the family that was there before families had names."""
        return COMPACT if self.compact else 2 if self.family else 1

    @property
    def brings_model(self) -> bool:
        """Whether the file can be decoded without a bundle."""
        return not any(self.bundle)

    @property
    def indexed(self) -> bool:
        """Whether an index stands behind the chunks; not behind a single one with a compact header."""
        return not self.compact or self.chunks + len(self.head_parts) > 1

    @property
    def chunks(self) -> int:
        """Number of chunks, at least 1; the head chunk is not counted."""
        return -(-self.frames // self.chunk_frames)

    def frames_in_chunk(self, chunk: int) -> int:
        """Frames of the video in a chunk: `chunk_frames`, fewer in the last.

        Raises:
          IndexError: if there is no such chunk.
        """
        if not 0 <= chunk < self.chunks:
            raise IndexError(f"chunk {chunk} of {self.chunks}")
        return min(self.chunk_frames, self.frames - chunk * self.chunk_frames)


def _check_integer(field: str, value: object, low: int, high: int) -> None:
    ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    check(ok, field, value, f"an integer from {low} to {high}")


def pack(header: Header) -> bytes:
    """The header as it stands at the start of a file, CRC-32 included."""
    body = _body(header, header.frames)
    return body + CRC.pack(zlib.crc32(body))


def stream_crc(header: Header) -> int:
    """What ties chunks to their header: CRC-32 of the header with 0 frames, since a writer learns the number last."""
    return zlib.crc32(_body(header, 0))


def _body(header: Header, frames: int) -> bytes:
    h = header
    sizes = h.width, h.height, h.source_width, h.source_height
    times = h.rate.numerator, h.rate.denominator, frames, h.chunk_frames
    if h.version == 1:
        own = h.family_header
        fields = FIELDS_1.pack(own[0], h.bundle, *sizes, own[1:3], *times, own[3]) + own[4:]
    else:
        named = _named(h.family), bytes([len(h.parts)]), *map(_named, h.parts)
        heads = bytes([len(h.head_parts)]), *map(_named, h.head_parts)
        own = varint.encode(len(h.family_header)) if h.compact else SIZE_2.pack(len(h.family_header))
        numbers = _numbers_3(h, frames) if h.compact else FIELDS_2.pack(h.bundle, *sizes, *times)
        fields = numbers + b"".join((*named, *heads, own, h.family_header))
    return START.pack(MAGIC, h.version, START.size + len(fields) + CRC.size) + fields


def _numbers_3(h: Header, frames: int) -> bytes:
    """The source's size is 0x0 where it is the coded one."""
    source = (0, 0) if (h.source_width, h.source_height) == (h.width, h.height) else (h.source_width, h.source_height)
    numbers = h.width, h.height, *source, h.rate.numerator, h.rate.denominator, h.chunk_frames
    return FIELDS_3.pack(h.bundle, frames) + b"".join(map(varint.encode, numbers))


def _named(name: str) -> bytes:
    return bytes([len(name)]) + name.encode("ascii")


def _level_names(own: bytes) -> tuple[str, ...] | None:
    """Names in the level records of version 1 behind the fourth byte; None if there are not exactly as many as it says.

    Of a record only the size is looked at: what levels are is the family's affair.
    """
    names, offset = [], 4
    try:
        for _ in range(own[3]):
            offset += LEVEL_1.size
            length = own[offset - 1]
            names.append(own[offset : offset + length].decode("latin-1"))
            offset += length
    except IndexError:
        return None
    return tuple(names) if offset == len(own) else None


def unpack(data: bytes) -> Header:
    """The header that `data`, whose CRC-32 is known to be right, holds from its first byte to its last.

    Raises:
      ConfigError: if it is not what `pack` writes for some header.
    """
    try:
        read = {1: _unpack_1, 2: _unpack_2, 3: _unpack_3}[data[len(MAGIC)]]
        header = read(data[START.size : -CRC.size])
    except (struct.error, IndexError, varint.VarintError) as error:
        raise ConfigError("config: the header is shorter than its fields") from error
    # A rate not in lowest terms, bytes left over.
    if pack(header) != data:
        raise ConfigError("config: the header's fields contradict one another")
    return header


def _unpack_1(fields: bytes) -> Header:
    first, bundle, w, h, source_w, source_h, more, numerator, denominator, frames, chunk, levels = FIELDS_1.unpack_from(
        fields
    )
    own = bytes([first]) + more + bytes([levels]) + fields[FIELDS_1.size :]
    names = _level_names(own)
    if names is None:
        raise IndexError
    rate = _rate(numerator, denominator)
    return Header(bundle, w, h, source_w, source_h, rate, frames, chunk, names, own)


def _unpack_2(fields: bytes) -> Header:
    bundle, w, h, source_w, source_h, numerator, denominator, frames, chunk = FIELDS_2.unpack_from(fields)
    family, parts, head_parts, offset = _names(fields, FIELDS_2.size)
    (size,) = SIZE_2.unpack_from(fields, offset)
    own = fields[offset + SIZE_2.size :][:size]
    rate = _rate(numerator, denominator)
    return Header(bundle, w, h, source_w, source_h, rate, frames, chunk, parts, own, family, head_parts)


def _unpack_3(fields: bytes) -> Header:
    bundle, frames = FIELDS_3.unpack_from(fields)
    numbers, offset = [], FIELDS_3.size
    for _ in range(7):
        number, offset = varint.decode(fields, offset, MAX_VARINT_BYTES)
        numbers.append(number)
    w, h, source_w, source_h, numerator, denominator, chunk = numbers
    if source_w == source_h == 0:
        source_w, source_h = w, h
    family, parts, head_parts, offset = _names(fields, offset)
    size, offset = varint.decode(fields, offset, MAX_VARINT_BYTES)
    own, rate = fields[offset:][:size], _rate(numerator, denominator)
    return Header(bundle, w, h, source_w, source_h, rate, frames, chunk, parts, own, family, head_parts, True)


def _names(fields: bytes, offset: int) -> tuple[str, tuple[str, ...], tuple[str, ...], int]:
    """Family, parts, parts of the head chunk, and the offset behind them."""

    def name() -> str:
        nonlocal offset
        begin, offset = offset + 1, offset + 1 + fields[offset]
        return fields[begin:offset].decode("latin-1")

    def names() -> tuple[str, ...]:
        nonlocal offset
        offset += 1
        return tuple(name() for _ in range(fields[offset - 1]))

    family, parts, head_parts = name(), names(), names()
    check(family != "", "family", family, "1 to 15 printable ASCII characters as name")
    return family, parts, head_parts, offset


def _rate(numerator: int, denominator: int) -> Fraction:
    check(denominator > 0, "rate.denominator", denominator, "at least 1")
    return Fraction(numerator, denominator)


def read_header(name: str, size: int, read: Callable[[int, int], bytes]) -> tuple[bytes, Header]:
    """The header as bytes and as what they say: the checks that come before anything else in a file is believed.

    Args:
      name: of the file, for errors.
      size: bytes of the file.
      read: gives bytes of the file by offset and count.

    Raises:
      UserError: if it is no .msv file, of a newer version, cut short within the header, or the header is damaged.
    """
    start = read(0, min(size, START.size))
    if start[: len(MAGIC)] != MAGIC:
        raise UserError(f"{name}: is not an .msv file")
    if len(start) > len(MAGIC) and (version := start[len(MAGIC)]) > NEWEST:
        raise UserError(f"{name}: format version {version} is newer than this program's {NEWEST}; update the program")
    if len(start) < START.size:
        raise UserError(f"{name}: truncated within its header; no chunk is whole")
    _, version, header_size = START.unpack(start)
    if version < 1 or not START.size + CRC.size <= header_size <= MAX_HEADER_BYTES:
        raise UserError(f"{name}: its header is damaged")
    if header_size > size:
        raise UserError(f"{name}: truncated within its header; no chunk is whole")
    data = start + read(START.size, header_size - START.size)
    if CRC.pack(zlib.crc32(data[: -CRC.size])) != data[-CRC.size :]:
        raise UserError(f"{name}: its header is damaged (CRC-32)")
    try:
        return data, unpack(data)
    except ConfigError as error:
        raise UserError(f"{name}: its header is not valid ({error})") from error
