"""Where a scene ends: frames whose colours are others than those of the frame before, by their histograms."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

BINS = 16  # of each channel
SAMPLE = 96  # rows and columns that are looked at, at most
CHANGE = 0.35  # of the pixels, that change their bin
TIMES = 4.0  # as much as in the frames around
AROUND = 5  # frames to each side


def histogram(frame_HWC: np.ndarray) -> np.ndarray:
    """Shares of red, green and blue in `BINS` ranges each, of evenly spread pixels: [3, BINS], rows of sum 1."""
    height, width = frame_HWC.shape[:2]
    some = frame_HWC[:: -(-height // SAMPLE), :: -(-width // SAMPLE)].reshape(-1, 3)
    bins = some.astype(np.intp) * BINS // 256
    return np.stack([np.bincount(bins[:, channel], minlength=BINS) for channel in range(3)]) / len(some)


def changes(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Of each frame but the first, the share of pixels that are in other bins than in the frame before, [T - 1].

    Half the L1 distance of their histograms, the greatest of the three channels.
    """
    pairs = pairwise(map(histogram, frames))
    return np.array([np.abs(after - before).sum(axis=1).max() / 2 for before, after in pairs])


def scene_starts(frames: Iterable[np.ndarray], least: int) -> list[int]:
    """Numbers of the frames that scenes begin with, from 0 on.

    A cut is a change above `CHANGE`, the greatest around it and `TIMES` the median there: fast motion and flicker go on
    for many frames. Scenes have `least` frames or more; of two cuts that are too near the greater one counts.

    Args:
      frames: uint8 RGB [H, W, 3].
      least: frames of a scene.
    """
    change = changes(frames)
    total = len(change) + 1
    found: list[int] = []
    for cut in sorted(_cuts(change), key=lambda cut: -change[cut - 1]):
        if all(abs(cut - other) >= least for other in (0, total, *found)):
            found.append(cut)
    return [0, *sorted(found)]


def _cuts(change: np.ndarray) -> Iterator[int]:
    for place, value in enumerate(change):
        around = change[max(place - AROUND, 0) : place + AROUND + 1]
        others = np.delete(around, min(place, AROUND))
        if value >= CHANGE and value >= around.max() and (not len(others) or value >= TIMES * np.median(others)):
            yield place + 1
