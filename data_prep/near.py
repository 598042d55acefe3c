"""Videos that look alike though their files differ: another coding, scale or cut of one recording."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

MOST = 256  # hashes of a video
NEAR = 3  # bits of 64 in which hashes of one picture may differ
SHARE = 0.5  # of the shorter video's hashes that must have a near one in the other
_FLAT = 8  # levels between a picture's darkest and brightest part, below which a hash would be of noise
_CROWD = 2000  # hashes that agree in 16 bits: a common title or a black border, which says nothing


class Looks(NamedTuple):
    """A video, for `near_duplicates`."""

    split: str
    hashes: tuple[int, ...]


class Pair(NamedTuple):
    """Two videos in different splits that look alike."""

    first: int  # places in the sequence of videos
    second: int
    share: float  # of the hashes of the one with fewer that have a near one in the other


def picture_hash(image_HWC: np.ndarray) -> int | None:
    """Whether each of 8 x 8 parts of a picture is brighter than the part to its left (dHash), as 64 bits.

    It changes little with coding, scale and brightness.

    Args:
      image_HWC: uint8 [H, W, 3], colours in any order.

    Returns:
      The first row's first part in the highest bit; none for a picture without contrast.
    """
    parts = cv2.resize(image_HWC, (9, 8), interpolation=cv2.INTER_AREA).mean(axis=2)
    if parts.max() - parts.min() < _FLAT:
        return None
    return int.from_bytes(np.packbits(parts[:, 1:] > parts[:, :-1]).tobytes())


def near_duplicates(videos: Sequence[Looks]) -> list[Pair]:
    """Pairs of videos in different splits of which at least `SHARE` of the pictures look alike, in order.

    Hashes that differ in at most `NEAR` bits agree in one of four quarters of 16 bits: only those that do are compared.
    More than `_CROWD` that agree there are left out, so that a common title does not cost the square of the videos.
    """
    owner = np.repeat(np.arange(len(videos)), [len(v.hashes) for v in videos])
    hashes = np.fromiter((value for v in videos for value in v.hashes), np.uint64, len(owner))
    splits = np.unique([v.split for v in videos], return_inverse=True)[1].reshape(-1)[owner]
    matches: dict[tuple[int, int], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for crowd in _crowds(hashes):
        mine, whose, parts = hashes[crowd], owner[crowd], splits[crowd]
        near = np.bitwise_count(mine[:, None] ^ mine[None]) <= NEAR
        near &= (parts[:, None] != parts[None]) & (whose[:, None] < whose[None])
        for a, b in zip(*np.nonzero(near), strict=True):
            of_first, of_second = matches[int(whose[a]), int(whose[b])]
            of_first.add(int(mine[a]))
            of_second.add(int(mine[b]))
    pairs = []
    for (first, second), matched in matches.items():
        side = 0 if len(videos[first].hashes) <= len(videos[second].hashes) else 1
        looks = videos[(first, second)[side]].hashes
        share = sum(value in matched[side] for value in looks) / len(looks)
        if share >= SHARE:
            pairs.append(Pair(first, second, share))
    return sorted(pairs)


def _crowds(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Places of those that agree in a quarter, for every such quarter."""
    for shift in (0, 16, 32, 48):
        quarter = (hashes >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(quarter, kind="stable")
        for crowd in np.split(order, np.flatnonzero(np.diff(quarter[order])) + 1):
            if 1 < len(crowd) <= _CROWD:
                yield crowd
