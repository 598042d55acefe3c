"""Some clips of a split for a quick look: evenly spread, since neighbours are of one class, often of one video."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vqvae_jax.data.source import ClipSet


def evenly_spread(clips: int, count: int) -> list[int]:
    """`count` numbers spread over `clips` records, the first one 0; all of them if there are no more."""
    count = min(count, clips)
    return [index * clips // count for index in range(count)]


class EvenlySpread:
    """`count` clips of a split, as a `ClipSet` whose record n is the split's record n * clips // count.

    Args:
      clips: the split.
      count: 1 ... len(clips).
    """

    def __init__(self, clips: ClipSet, count: int) -> None:
        self.data_dir: Path = clips.data_dir
        self.split: str = clips.split
        self.clip_shape: tuple[int, int, int, int] = clips.clip_shape
        self.digest: str = clips.digest  # of the whole split
        self._clips = clips
        self._records = evenly_spread(len(clips), count)

    def __len__(self) -> int:
        return len(self._records)

    def ids(self, records: Sequence[int]) -> list[str]:
        return self._clips.ids([self._records[record] for record in records])

    def read(self, records: Sequence[int]) -> np.ndarray:
        return self._clips.read([self._records[record] for record in records])


def few(clips: ClipSet, count: int) -> ClipSet:
    """The split, or `count` evenly spread clips of it; 0, or as many as it has, means all."""
    return EvenlySpread(clips, count) if 0 < count < len(clips) else clips
