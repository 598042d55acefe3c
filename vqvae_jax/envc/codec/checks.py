"""What a group of pictures says of itself: whether a decoder found the numbers and frames that its encoder had.

A check goes over distributions and latents as integers and over the bits of each frame, and on from the frame before:
one byte for each, for the last one all four. So a group that another machine computes otherwise is never shown.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from vqvae_jax.entropy.rans import CorruptStreamError

_ALL = struct.Struct("<I")


def size_of(frames: int) -> int:
    """Bytes of the checks of a group."""
    return frames - 1 + _ALL.size


def checked(before: int, integers: int, frame: np.ndarray) -> int:
    """The check of a frame.

    Args:
      before: that of the frame before, 0 for the first.
      integers: `latents.Walk.crc` of the frame.
      frame: float32, as the next one's reference.
    """
    return zlib.crc32(np.ascontiguousarray(frame, "<f4").tobytes(), zlib.crc32(_ALL.pack(integers), before))


def pack(found: Sequence[int]) -> bytes:
    """The checks of a group as bytes."""
    return bytes(check & 0xFF for check in found[:-1]) + _ALL.pack(found[-1])


def compare(number: int, found: int, wanted: bytes) -> None:
    """Raises a `CorruptStreamError` unless a frame's check is the one that `pack` wrote."""
    last = number == len(wanted) - _ALL.size
    if wanted[number:] != _ALL.pack(found) if last else wanted[number] != found & 0xFF:
        raise CorruptStreamError(
            f"its frame {number} is not the one that was coded: this machine or its software computes other numbers "
            "than those that coded it; decode where it was encoded, or encode again here"
        )
