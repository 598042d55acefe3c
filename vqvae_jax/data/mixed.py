"""Several data sets as one: `train --data A B`."""

import bisect
import hashlib
import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.data.order import Mixture
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError


class MixedClips:
    """The clips of one split of several data sets, one set after the other: a `ClipSet`.

    Args:
      parts: at least one set, all of one clip shape.
      weights: how often each is drawn from in training, in any unit; none: as often as it has clips.

    Raises:
      UserError: if shapes differ or weights make no sense.
    """

    def __init__(self, parts: Sequence[ClipSet], weights: Sequence[float] | None = None) -> None:
        first = parts[0]
        for part in parts[1:]:
            if part.clip_shape != first.clip_shape:
                shapes = ["x".join(map(str, p.clip_shape)) for p in (first, part)]
                raise UserError(
                    f"clips of {first.data_dir} are {shapes[0]}, those of {part.data_dir} {shapes[1]}; write them alike"
                )
        if weights is not None and (len(weights) != len(parts) or not all(0 < w < math.inf for w in weights)):
            raise UserError(f"weights {list(weights)}: expected {len(parts)} numbers above 0, one per data set")
        self.parts = list(parts)
        self.mixture = Mixture(tuple(map(len, parts)), None if weights is None else tuple(map(float, weights)))
        self.data_dir, self.split, self.clip_shape = first.data_dir, first.split, first.clip_shape
        facts = [[part.digest for part in parts], self.mixture.weights]
        self.digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        self._ends = list(itertools.accumulate(self.mixture.sizes))

    def __len__(self) -> int:
        return self._ends[-1]

    def _place(self, record: int) -> tuple[int, int]:
        """Which part a record is in, and its number there."""
        place = bisect.bisect_right(self._ends, record)
        return place, int(record) - (self._ends[place - 1] if place else 0)

    def ids(self, records: Sequence[int]) -> list[str]:
        return [self.parts[place].ids([number])[0] for place, number in map(self._place, records)]

    def read(self, records: Sequence[int]) -> np.ndarray:
        return np.stack([self.parts[place].read([number])[0] for place, number in map(self._place, records)])


def sources_of(clips: ClipSet) -> dict[str, Any]:
    """What a run notes of its data, as JSON: `folder` and `digest`; of several sets also `folders` and `weights`."""
    noted: dict[str, Any] = {"folder": str(clips.data_dir.absolute()), "digest": clips.digest}
    if isinstance(clips, MixedClips):
        weights = clips.mixture.weights
        noted["folders"] = [str(Path(part.data_dir).absolute()) for part in clips.parts]
        noted["weights"] = None if weights is None else list(weights)
    return noted
