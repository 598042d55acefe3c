"""Embeddings of a scene's frames, group by group: as they are or as differences to the frame before, what is shorter.

Every channel has two tables, which all groups share. A group's frames are decoded without those of another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.mvc.codec.stream import StreamReader, Writer
from vqvae_jax.mvc.codec.tables import Table, best_table

DIRECT, DELTA = 0, 1
_ROUNDS = 2  # of tables after groups after tables


class Tables(NamedTuple):
    """Of one channel."""

    direct: Table
    delta: Table  # of differences modulo the levels, half of them added


def fit_tables(numbers_Thwc: np.ndarray, groups: Sequence[slice], levels: int) -> list[Tables]:
    """The tables of every channel that suit what the groups will write with them."""
    parts = [numbers_Thwc[group] for group in groups]
    found = _tables(parts, parts, levels)
    for _ in range(_ROUNDS):
        modes = [write_group(found, part, levels)[0] for part in parts]
        as_they_are = [part if mode == DIRECT else part[:1] for mode, part in zip(modes, parts, strict=True)]
        differing = [part for mode, part in zip(modes, parts, strict=True) if mode == DELTA]
        found = _tables(as_they_are, differing, levels)
    return found


def write_group(tables: Sequence[Tables], numbers_Thwc: np.ndarray, levels: int) -> bytes:
    """A group as bytes: its mode, then its stream."""
    found = []
    for mode, whole in ((DIRECT, len(numbers_Thwc)), (DELTA, 1)):
        writer = Writer()
        for channel, table in enumerate(tables):
            numbers = numbers_Thwc[..., channel]
            writer.symbols(table.direct, numbers[:whole], levels)
            if mode == DELTA:
                writer.symbols(table.delta, _differences(numbers, levels), levels)
        found.append(bytes([mode]) + writer.stream())
    return min(found, key=len)


def read_group(tables: Sequence[Tables], data: bytes, shape: tuple[int, int, int, int], levels: int) -> np.ndarray:
    """The inverse: int32 [T, h, w, c].

    Raises:
      CorruptStreamError: if no writer wrote this.
    """
    frames, h, w, channels = shape
    mode = data[0] if data else -1
    if mode not in (DIRECT, DELTA):
        raise CorruptStreamError(f"embeddings are written in no way that has the number {mode}")
    reader, whole = StreamReader(data[1:]), frames if mode == DIRECT else 1
    found = np.empty(shape, np.int32)
    for channel, table in zip(range(channels), tables, strict=True):
        found[:whole, ..., channel] = reader.symbols(table.direct, (whole, h, w), levels)
        if mode == DELTA:
            steps = reader.symbols(table.delta, (frames - 1, h, w), levels) - levels // 2
            found[1:, ..., channel] = (found[:1, ..., channel] + np.cumsum(steps, axis=0)) % levels
    reader.check_end()
    return found


def _differences(numbers_Thw: np.ndarray, levels: int) -> np.ndarray:
    return (np.diff(numbers_Thw, axis=0) + levels // 2) % levels


def _tables(direct: Sequence[np.ndarray], delta: Sequence[np.ndarray], levels: int) -> list[Tables]:
    channels = direct[0].shape[-1]

    def joined(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([part.reshape(-1) for part in parts]) if parts else np.zeros(0, np.int32)

    return [
        Tables(
            best_table(joined([part[..., channel] for part in direct]), levels),
            best_table(joined([_differences(part[..., channel], levels) for part in delta]), levels),
        )
        for channel in range(channels)
    ]
