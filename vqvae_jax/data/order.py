"""The endless order of training: a new permutation per epoch, one place for every source.

Positions count clips over all processes and epochs. Batch n of B clips is positions n*B ... n*B + B - 1, cut into one
block per process. The order is a pure function of (seed, records, batch size), so a position is all the state there
is, and neither threads, worker processes nor the number of hosts can change what comes next. Augmentation is as well.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vqvae_jax.data.apportion import largest_remainder
from vqvae_jax.errors import ConfigError


@dataclass(frozen=True)
class Share:
    """The block of every global batch that one process takes.

    Blocks, because devices are numbered process by process: so the n-th clip of a batch meets the same device number,
    and with it the same level dropout, however many processes there are.

    Raises:
      ConfigError: if the batch does not divide among the processes.
    """

    batch_size: int
    process_index: int = 0
    process_count: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % self.process_count:
            raise ConfigError(
                f"config: data.batch_size={self.batch_size} must be a multiple of {self.process_count} processes"
            )

    @property
    def clips(self) -> int:
        """Clips of a batch that are this process's."""
        return self.batch_size // self.process_count

    def position(self, index: int) -> int:
        """Position of this process's `index`-th clip, counted from the first clip of a global batch."""
        batch, offset = divmod(index, self.clips)
        return batch * self.batch_size + self.process_index * self.clips + offset


class TrainingOrder:
    """Maps positions to record numbers."""

    def __init__(self, records: int, batch_size: int, seed: int) -> None:
        if records < batch_size:
            raise ConfigError(
                f"config: data.batch_size={batch_size} is more than the {records} clips of the split; lower it"
            )
        self.records, self.seed = records, seed
        self.per_epoch = records // batch_size * batch_size  # an incomplete last batch is dropped

    def record_at(self, position: int) -> int:
        """The record number at a position, 0 <= position."""
        epoch, offset = divmod(position, self.per_epoch)
        return int(_permutation(self.records, self.seed, epoch)[offset])


class Mixture(NamedTuple):
    """Several sets of clips as one, and how often each is drawn from."""

    sizes: tuple[int, ...]  # records of each; they follow each other
    weights: tuple[float, ...] | None  # None: every clip as often as any other


class WeightedOrder:
    """Maps positions to record numbers of several sets, in given proportions.

    Every `BLOCK` positions have the same number from each set, in an order drawn anew, so that a position tells by
    itself how many of a set came before it. Each set goes through all of its records, in a new order every time, at its
    own pace.

    Raises:
      ConfigError: if a set would get less than one of a block.
    """

    BLOCK = 1000

    def __init__(self, mixture: Mixture, seed: int) -> None:
        assert mixture.weights is not None
        self._sizes, self._seed = mixture.sizes, seed
        self._starts = [sum(mixture.sizes[:place]) for place in range(len(mixture.sizes))]
        shares = dict(enumerate(mixture.weights))
        counts = largest_remainder(self.BLOCK, shares)
        for place, count in counts.items():
            if count < 1:
                raise ConfigError(
                    f"config: weights={list(shares.values())}: that of set {place + 1} is less than one in {self.BLOCK}"
                )
        self._counts = tuple(counts[place] for place in range(len(mixture.sizes)))

    def record_at(self, position: int) -> int:
        """The record number at a position, 0 <= position."""
        block, offset = divmod(position, self.BLOCK)
        places, ranks = _schedule(self._counts, self._seed, block)
        place = int(places[offset])
        epoch, within = divmod(block * self._counts[place] + int(ranks[offset]), self._sizes[place])
        return self._starts[place] + int(_set_permutation(self._sizes[place], self._seed, place, epoch)[within])


@functools.lru_cache(maxsize=4)
def _schedule(counts: tuple[int, ...], seed: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """For every position of a block its set, and how many of that set come before it in the block."""
    order = np.random.default_rng([seed, block, 0]).permutation(sum(counts))
    places, ranks = np.repeat(np.arange(len(counts)), counts)[order], np.zeros(sum(counts), np.int64)
    for place, count in enumerate(counts):
        ranks[places == place] = np.arange(count)
    return places, ranks


@functools.lru_cache(maxsize=32)
def _set_permutation(records: int, seed: int, place: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, 1 + place]).permutation(records)


@functools.lru_cache(maxsize=4)
def _permutation(records: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(records)


def random_generator(seed: int, position: int) -> np.random.Generator:
    """The generator of the clip at `position` of the endless training order: the same for every source, worker count
    and process count, so that a resumed run augments as the straight run did."""
    return np.random.Generator(np.random.Philox(key=seed, counter=position))


def augment(
    clip: np.ndarray,
    frames: int,
    flip: bool,
    jitter: bool,
    rng: np.random.Generator,
    crop: tuple[int, int] | None = None,
) -> np.ndarray:
    """Cuts `frames` frames out of a clip, and a part out of its pictures, and mirrors it with probability one half.

    Args:
      clip: (T, H, W, 3) uint8 with T >= frames, no smaller than the part; left as it is.
      frames: length of the result.
      flip: whether to mirror left to right at random.
      jitter: whether the window starts at a random frame instead of the first.
      rng: always gives the same two draws, whatever is switched on, so that one option leaves the other's draws alone.
      crop: height and width of the part, at a random place; none for whole pictures.

    Returns:
      (frames, H, W, 3) uint8, contiguous, H and W those of the part.
    """
    start_draw, flip_draw = rng.random(2)
    start = int(start_draw * (len(clip) - frames + 1)) if jitter else 0
    window = clip[start : start + frames]
    if crop is not None:
        window = cut(window, crop, rng.random(2))
    if flip and flip_draw < 0.5:
        window = window[:, :, ::-1]
    return np.ascontiguousarray(window)


def cut(clip: np.ndarray, size: tuple[int, int], place: Sequence[float] | np.ndarray) -> np.ndarray:
    """A part (T, *size, 3) of a clip no smaller; `place` in [0, 1) from top to bottom and from left to right."""
    top, left = (int(at * (side - part + 1)) for at, side, part in zip(place, clip.shape[1:3], size, strict=True))
    return clip[:, top : top + size[0], left : left + size[1]]
