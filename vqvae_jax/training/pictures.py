"""Looking at a run: originals above their reconstructions."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from vqvae_jax.files import make_folder, write_atomically


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


def write_png(path: Path, picture_HWC: np.ndarray) -> None:
    """Writes a uint8 picture in one rename; makes the folder.

    Raises:
      UserError: if it cannot be written.
    """
    encoded = io.BytesIO()
    Image.fromarray(picture_HWC).save(encoded, format="png")
    make_folder(path.parent)
    write_atomically(path, encoded.getvalue())
