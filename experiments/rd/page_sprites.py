"""All frames of a clip in one picture, above one another: a page moves through them with one number."""

import io

import numpy as np

from experiments.rd.clips import ShownClip
from vqvae_jax.data.few import evenly_spread

MOST_PIXELS = 12_000_000  # of all pictures on a page: about a byte each
TALLEST = 16383  # pixels, of a WebP
NARROWEST = 128  # pixels on the page: smaller frames are enlarged by a whole factor


def sprite(frames_THWC: np.ndarray) -> bytes:
    """The frames as one lossless WebP of T x H rows.

    Args:
      frames_THWC: uint8 RGB, at most `most_frames(H)` of them.
    """
    from PIL import Image

    frames, height, width, channels = frames_THWC.shape
    out = io.BytesIO()
    tall = np.ascontiguousarray(frames_THWC).reshape(frames * height, width, channels)
    Image.fromarray(tall).save(out, format="WEBP", lossless=True, quality=100, method=4)
    return out.getvalue()


def fitting(clips: tuple[ShownClip, ...]) -> tuple[tuple[ShownClip, ...], int]:
    """As many of the clips, evenly spread, and as many of their first frames as a page can carry."""
    frames, height, width = clips[0].panes[0].frames.shape[:3]
    length = min(frames, most_frames(height))
    pixels = len(clips[0].panes) * length * height * width
    count = min(len(clips), max(1, MOST_PIXELS // pixels))
    return tuple(clips[index] for index in evenly_spread(len(clips), count)), length


def most_frames(height: int) -> int:
    """How many frames of that height one picture holds."""
    return max(1, TALLEST // height)


def enlargement(width: int) -> int:
    """The whole factor by which frames are enlarged on the page."""
    return max(1, NARROWEST // width)
