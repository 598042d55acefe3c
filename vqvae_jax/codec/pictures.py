"""Whether frames are what a codec takes, asked before anything is computed."""

from collections.abc import Iterable, Iterator

import numpy as np

from vqvae_jax.errors import UserError


def check_frames(frames_THWC: np.ndarray) -> None:
    """Raises a `UserError` unless frames are (T, H, W, 3) uint8 with at least one of each."""
    f = frames_THWC
    if not isinstance(f, np.ndarray) or f.ndim != 4 or f.shape[-1] != 3 or f.dtype != np.uint8 or not f.size:
        found = f"{f.dtype}{f.shape}" if isinstance(f, np.ndarray) else type(f).__name__
        raise UserError(f"expected frames (T, H, W, 3) uint8 with T, H, W >= 1, found {found}")


def checked_pictures(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Passes pictures [H, W, 3] on.

    Raises:
      UserError: if one is no such picture, or of another size or type than the first.
    """
    first: np.ndarray | None = None
    for number, frame in enumerate(frames):
        if first is None:
            check_frames(frame[None])
            first = frame
        if frame.shape != first.shape or frame.dtype != np.uint8:
            raise UserError(f"frame {number} is {frame.dtype}{frame.shape}, the first was {first.dtype}{first.shape}")
        yield frame
