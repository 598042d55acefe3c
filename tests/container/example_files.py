"""Small files and their makers, for the tests of the format."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqvae_jax.container.header import Header
from vqvae_jax.container.writer import Writer

#: Version 1: range-coded, 4 columns and 4 rows of padding, levels of strides (4, 8, 8) and (2, 4, 4) and 512 codes.
LEVELS = bytes.fromhex("00 04 04 02  04 08 08 ff01 03") + b"top" + bytes.fromhex("02 04 04 ff01 06") + b"bottom"
HEADER = Header(
    bundle=bytes.fromhex("0123456789abcdef"),
    width=60,
    height=36,
    source_width=320,
    source_height=240,
    rate=Fraction(30000, 1001),
    frames=21,
    chunk_frames=8,
    parts=("top", "bottom"),
    family_header=LEVELS,
)

#: Payloads of three chunks; the last one has five frames.
CHUNKS = ((b"top 0", b"bottom payload 0"), (b"", b"\x00\xff" * 70), (b"t2", b""))
FRAMES = (8, 8, 5)


def named(payloads: Sequence[bytes]) -> dict[str, bytes]:
    """Payloads as the parts of a chunk."""
    return dict(zip(HEADER.parts, payloads, strict=True))


def write_file(
    path: Path,
    chunks: Sequence[Sequence[bytes]] = CHUNKS,
    frames: Sequence[int] = FRAMES,
    overwrite: bool = False,
    **changes: Any,
) -> bytes:
    """Writes a file and returns its bytes; `changes` are fields of the header other than `HEADER`'s."""
    with Writer(path, replace(HEADER, **changes), overwrite) as writer:
        for count, payloads in zip(frames, chunks, strict=True):
            writer.add_chunk(count, named(payloads))
    return path.read_bytes()
