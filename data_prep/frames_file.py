"""Frames of a video on their way from the decoder to the clips: a file of blocks that is whole, or is not there.

Data sets of shards hold them compressed, so that the disk never holds an uncompressed copy of the whole set; `.npy`
files are not compressed themselves, and reading and writing them must need nothing but NumPy.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vqvae_jax.data.packed import read_packed, write_packed
from vqvae_jax.errors import UserError


class Layout(NamedTuple):
    """How frames lie in their file, and which of them clips are made of."""

    frame_bytes: int
    frames: int  # per clip, and per block
    step: int  # frames from one clip to the next
    packed: bool  # compressed

    def clips(self, kept: int) -> int:
        """How many clips so many frames give."""
        return max(0, (kept - self.frames) // self.step + 1)


class Stored(NamedTuple):
    """Frames that lie in a file. What no clip needs at the end of a video is not stored."""

    kept: int  # frames of the video at the wanted rate
    crc32: int  # of what is stored, before compression


def store(path: Path, frames: Iterator[bytes], layout: Layout) -> Stored:
    """Writes frames, of `frame_bytes` each, as they come; holds one block in memory.

    Raises:
      OSError: if the disk is full or fails.
    """
    kept = crc = 0

    def blocks() -> Iterator[bytes]:
        nonlocal kept, crc
        block: list[bytes] = []
        for frame in frames:
            block.append(frame)
            kept += 1
            if len(block) == layout.frames:
                yield b"".join(block)
                block.clear()
        begun = kept - len(block)
        needed = (layout.clips(kept) - 1) * layout.step + layout.frames
        if needed > begun and layout.clips(kept):
            yield b"".join(block[: needed - begun])

    def summed() -> Iterator[bytes]:
        nonlocal crc
        for block in blocks():
            crc = zlib.crc32(block, crc)
            yield block

    if layout.packed:
        write_packed(path, summed())
    else:
        with path.open("wb") as file:
            for block in summed():
                file.write(block)
    return Stored(kept, crc)


def stored_clips(path: Path, stored: Stored, layout: Layout) -> Iterator[bytes]:
    """The clips of a video, in order, [frames * frame_bytes] each; holds a clip and a block in memory.

    Raises:
      UserError: if the file is damaged; the last clips may have been given by then.
    """
    size, length = layout.frame_bytes, layout.frames * layout.frame_bytes
    clips = layout.clips(stored.kept)
    buffer = bytearray()
    crc = begin = number = 0  # `begin`: the frame at which the buffer begins
    try:
        for block in (read_packed if layout.packed else _plain)(path, length):
            crc = zlib.crc32(block, crc)
            if layout.step == layout.frames and len(block) == length and number < clips:
                yield block  # as it is, by far the most common case
                number += 1
                continue
            buffer += block
            while number < clips and (at := (number * layout.step - begin) * size) + length <= len(buffer):
                yield bytes(memoryview(buffer)[at : at + length])
                number += 1
                passed = min(len(buffer) // size, number * layout.step - begin)
                del buffer[: passed * size]
                begin += passed
        if (number, crc) != (clips, stored.crc32):
            raise ValueError(f"{number} of {clips} clips, checksum {crc:08x}")
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); remove it and give the same command again") from error


def _plain(path: Path, block_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(block_bytes):
            yield block
