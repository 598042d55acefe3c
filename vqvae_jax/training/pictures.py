"""Looking at a run: originals above their reconstructions."""

import numpy as np


def comparison_grid(original_BTHWC: np.ndarray, estimate_BTHWC: np.ndarray, moments: int = 4) -> np.ndarray:
    """Two rows a clip, original above reconstruction; one column a moment, evenly spread over the clip.

    Args:
      original_BTHWC: uint8 clips.
      estimate_BTHWC: uint8, the same shape.
      moments: frames shown of each clip.

    Returns:
      [2 B H, moments W, 3] uint8.
    """
    frames = np.linspace(0, original_BTHWC.shape[1] - 1, moments).round().astype(int)
    rows = [
        np.concatenate(list(clip[frames]), axis=1)
        for pair in zip(original_BTHWC, estimate_BTHWC, strict=True)
        for clip in pair
    ]
    return np.concatenate(rows, axis=0)
