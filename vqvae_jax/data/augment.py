"""Augmentation of one clip: a random window in time and a mirror image. uint8 in, uint8 out."""

import numpy as np


def random_generator(seed: int, position: int) -> np.random.Generator:
    """The generator of the clip at `position` of the endless training order: the same for every source, worker count
    and process count, so that a resumed run augments as the straight run did."""
    return np.random.Generator(np.random.Philox(key=seed, counter=position))


def augment(clip: np.ndarray, frames: int, flip: bool, jitter: bool, rng: np.random.Generator) -> np.ndarray:
    """Cuts `frames` frames out of a clip and mirrors it with probability one half.

    Args:
      clip: (T, H, W, 3) uint8 with T >= frames; left as it is.
      frames: length of the result.
      flip: whether to mirror left to right at random.
      jitter: whether the window starts at a random frame instead of the first.
      rng: always gives the same two draws, whatever is switched on, so that one option leaves the other's draws alone.

    Returns:
      (frames, H, W, 3) uint8, contiguous.
    """
    start_draw, flip_draw = rng.random(2)
    start = int(start_draw * (len(clip) - frames + 1)) if jitter else 0
    window = clip[start : start + frames]
    if flip and flip_draw < 0.5:
        window = window[:, :, ::-1]
    return np.ascontiguousarray(window)
