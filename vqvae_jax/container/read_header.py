"""The checks that a file's first bytes must pass before anything else in it is believed."""

import zlib
from collections.abc import Callable
from pathlib import Path

from vqvae_jax.container.header import Header
from vqvae_jax.container.header_bytes import CRC, MAGIC, MAX_HEADER_BYTES, START, VERSION, unpack
from vqvae_jax.errors import ConfigError, UserError


def read_header(path: Path, size: int, read: Callable[[int, int], bytes]) -> tuple[bytes, Header]:
    """The header as bytes and as what they say.

    Args:
      path: named in errors.
      size: bytes of the file.
      read: gives bytes of the file by offset and count.

    Raises:
      UserError: if it is no .msv file, of another version, cut short within the header, or the header is damaged.
    """
    start = read(0, min(size, START.size))
    if start[: len(MAGIC)] != MAGIC:
        raise UserError(f"{path}: is not an .msv file")
    if len(start) > len(MAGIC) and start[len(MAGIC)] > VERSION:
        version = start[len(MAGIC)]
        raise UserError(f"{path}: format version {version} is newer than this program's {VERSION}; update the program")
    if len(start) < START.size:
        raise UserError(f"{path}: truncated within its header; no chunk is whole")
    _, version, header_size = START.unpack(start)
    if version < VERSION or not START.size + CRC.size <= header_size <= MAX_HEADER_BYTES:
        raise UserError(f"{path}: its header is damaged")
    if header_size > size:
        raise UserError(f"{path}: truncated within its header; no chunk is whole")
    data = start + read(START.size, header_size - START.size)
    if CRC.pack(zlib.crc32(data[: -CRC.size])) != data[-CRC.size :]:
        raise UserError(f"{path}: its header is damaged (CRC-32)")
    try:
        return data, unpack(data)
    except ConfigError as error:
        raise UserError(f"{path}: its header is not valid ({error})") from error
