"""Looking at a run: originals above their reconstructions."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vqvae_jax.files import make_folder, write_atomically

CELL = 128  # pixels: frames narrower than that are enlarged by a whole factor
STRIP = 20  # height of the line of frame numbers
MARGIN = 96  # width of the column of row names


def comparison_grid(original_BTHWC: np.ndarray, estimate_BTHWC: np.ndarray, moments: int = 4) -> np.ndarray:
    """`frame_grid`, enlarged if the frames are small, with row names on the left and frame numbers above.

    Args:
      original_BTHWC: uint8 clips.
      estimate_BTHWC: uint8, the same shape.
      moments: frames shown of each clip.

    Returns:
      [STRIP + 2 B s H, MARGIN + moments s W, 3] uint8; s is the least whole number with s W >= CELL.
    """
    count, length, height, width = original_BTHWC.shape[:4]
    scale = -(-CELL // width)
    grid = frame_grid(original_BTHWC, estimate_BTHWC, moments).repeat(scale, axis=0).repeat(scale, axis=1)
    picture = Image.new("RGB", (MARGIN + grid.shape[1], STRIP + grid.shape[0]), "white")
    picture.paste(Image.fromarray(grid), (MARGIN, STRIP))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default()
    for column, frame in enumerate(shown_frames(length, moments)):
        draw.text((MARGIN + (column + 0.5) * scale * width, STRIP / 2), f"frame {frame}", "black", font, anchor="mm")
    for row in range(2 * count):
        name = "reconstruction" if row % 2 else "original"
        draw.text((MARGIN - 6, STRIP + (row + 0.5) * scale * height), name, "black", font, anchor="rm")
    return np.asarray(picture)


def shown_frames(length: int, moments: int) -> list[int]:
    """Numbers of the frames shown of a clip of `length` frames, evenly spread from the first to the last."""
    return [int(frame) for frame in np.linspace(0, length - 1, moments).round()]


def frame_grid(original_BTHWC: np.ndarray, estimate_BTHWC: np.ndarray, moments: int = 4) -> np.ndarray:
    """Two rows a clip, original above reconstruction; one column a moment, evenly spread over the clip.

    Args:
      original_BTHWC: uint8 clips.
      estimate_BTHWC: uint8, the same shape.
      moments: frames shown of each clip.

    Returns:
      [2 B H, moments W, 3] uint8.
    """
    frames = shown_frames(original_BTHWC.shape[1], moments)
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
