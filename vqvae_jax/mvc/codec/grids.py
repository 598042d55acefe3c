"""Minimum and step of a tensor's whole numbers as bytes."""

import struct

import numpy as np

from vqvae_jax.container import varint
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.mvc.codec.tables import MOST_LEVELS
from vqvae_jax.mvc.quantise import Grid

_FLOAT = struct.Struct("<f")
_MAX_LEVELS_BYTES = 3
_LARGEST = 2.0**64  # of values; far from what squares would overflow


def pack_grid(grid: Grid) -> bytes:
    """Levels - 1, minimum, and the step where there is more than one level."""
    step = _FLOAT.pack(grid.step) if grid.levels > 1 else b""
    return varint.encode(grid.levels - 1) + _FLOAT.pack(grid.minimum) + step


def unpack_grid(data: bytes, offset: int) -> tuple[Grid, int]:
    """What `pack_grid` wrote, and the offset behind it.

    Raises:
      CorruptStreamError: if it is none: cut short, not finite, without a step, of too many levels.
    """
    try:
        last, offset = varint.decode(data, offset, _MAX_LEVELS_BYTES)
        minimum, step, offset = _floats(data, offset, steps=last > 0)
    except (varint.VarintError, struct.error) as error:
        raise CorruptStreamError("the description of a tensor is cut short") from error
    if last >= MOST_LEVELS or (last > 0) != (step > 0):
        raise CorruptStreamError(f"a tensor of {last + 1} levels in steps of {step}")
    return checked(Grid(np.asarray(minimum), np.asarray(step), last + 1)), offset


def pack_channels(grid: Grid) -> bytes:
    """Minimum and step of each channel; they share their levels, which are known."""
    return b"".join(_FLOAT.pack(m) + _FLOAT.pack(s) for m, s in zip(grid.minimum, grid.step, strict=True))


def unpack_channels(data: bytes, offset: int, channels: int, levels: int) -> tuple[Grid, int]:
    """What `pack_channels` wrote, and the offset behind it.

    Raises:
      CorruptStreamError: if it is none.
    """
    end = offset + 2 * _FLOAT.size * channels
    if end > len(data):
        raise CorruptStreamError("the description of an embedding is cut short")
    pairs = np.frombuffer(data[offset:end], "<f4").reshape(channels, 2).astype(np.float32)
    return checked(Grid(pairs[:, 0], pairs[:, 1], levels)), end


def checked(grid: Grid) -> Grid:
    """The grid, unless one of its values is not finite or a step is below 0.

    Raises:
      CorruptStreamError: if so.
    """
    lowest, steps = np.atleast_1d(grid.minimum).astype(np.float64), np.atleast_1d(grid.step).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        fine = (np.abs(lowest) < _LARGEST) & (steps >= 0) & (lowest + steps * (grid.levels - 1) < _LARGEST)
    if not fine.all():
        wrong = int(np.argmin(fine))
        raise CorruptStreamError(f"values from {lowest[wrong]:g} in steps of {steps[wrong]:g}")
    return grid


def _floats(data: bytes, offset: int, steps: bool) -> tuple[np.float32, np.float32, int]:
    (minimum,) = _FLOAT.unpack_from(data, offset)
    (step,) = _FLOAT.unpack_from(data, offset + _FLOAT.size) if steps else (0.0,)
    return np.float32(minimum), np.float32(step), offset + (2 if steps else 1) * _FLOAT.size
