"""Small files and their makers, for the tests of the format."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqvae_jax.container.header import LevelLayout
from vqvae_jax.container.writer import Writer

TWO_LEVELS = (LevelLayout("top", (4, 8, 8), 512), LevelLayout("bottom", (2, 4, 4), 512))

#: A `Writer`'s arguments; 60 x 36 is padded to 64 x 40.
LAYOUT: dict[str, Any] = {
    "mode": "range",
    "bundle": bytes.fromhex("0123456789abcdef"),
    "width": 60,
    "height": 36,
    "source_width": 320,
    "source_height": 240,
    "rate": Fraction(30000, 1001),
    "chunk_frames": 8,
    "levels": TWO_LEVELS,
}

#: Payloads of three chunks; the last one has five frames.
CHUNKS = ((b"top 0", b"bottom payload 0"), (b"", b"\x00\xff" * 70), (b"t2", b""))
FRAMES = (8, 8, 5)


def write_file(
    path: Path, chunks: Sequence[Sequence[bytes]] = CHUNKS, frames: Sequence[int] = FRAMES, **changes: Any
) -> bytes:
    """Writes a file and returns its bytes; `changes` are `Writer` arguments other than `LAYOUT`'s."""
    with Writer(path, **{**LAYOUT, **changes}) as writer:
        for count, payloads in zip(frames, chunks, strict=True):
            writer.add_chunk(count, payloads)
    return path.read_bytes()
