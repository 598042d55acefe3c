"""A file of compressed records, for work that waits: small ones stay small, where ArrayRecord pads to 64 KiB and more.

record = bytes, bytes in the file: uint32 little-endian each; then those bytes, Zstandard
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_HEAD = struct.Struct("<II")


def write_packed(path: Path, records: Iterable[bytes]) -> None:
    """Writes records as they come.

    Raises:
      OSError: if the disk is full or fails.
    """
    pack = _codec().compress
    with path.open("wb") as file:
        for record in records:
            packed = pack(record, asbytes=True)
            file.write(_HEAD.pack(len(record), len(packed)) + packed)


def read_packed(path: Path, most: int) -> Iterator[bytes]:
    """The records, one by one.

    Args:
      most: bytes that one may have; what claims more is not read.

    Raises:
      ValueError, OSError: if the file is damaged. Flipped bits may go unnoticed: keep a digest of what matters.
    """
    unpack = _codec().decompress
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            if len(head) < _HEAD.size:
                raise ValueError("cut")
            size, packed = _HEAD.unpack(head)
            if size > most or packed > most + most // 128 + 1024:
                raise ValueError(f"a record of {size} bytes, {packed} of them in the file")
            yield unpack(file.read(packed), size, asbytes=True)


def _codec() -> Any:
    import pyarrow  # TFDS, which writes the shards of such records, brings it along

    # Hardly larger than by the shards' own compression, in a third of its time.
    return pyarrow.Codec("zstd", compression_level=-5)
