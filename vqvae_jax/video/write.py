"""Frames to video files (H.264 in MP4) and to small moving pictures that a web page can embed."""

import io
import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from vqvae_jax.config import check, check_choice
from vqvae_jax.errors import UserError
from vqvae_jax.files import refuse_existing, write_atomically

PictureFormat = Literal["webp", "apng", "gif"]


def write_mp4(path: str | Path, frames: np.ndarray, fps: float = 16, crf: int = 4, preset: str = "medium") -> Path:
    """Writes frames as H.264 in MP4; the default quality is near-lossless.

    At 4:2:0, which every player knows; at 4:4:4 where a side is odd.

    Args:
      path: the file to write; its folder must exist. Appears only when whole; an existing file is not overwritten.
      frames: (T, H, W, 3) uint8, RGB, T >= 1.
      fps: frames per second, above 0.
      crf: x264's constant rate factor, 0 (nearly the source) to 51.
      preset: x264's preset, "ultrafast" ... "veryslow".

    Raises:
      ValueError: if `frames` has another shape or type.
      UserError: if the file exists or cannot be written.
    """
    # PyAV comes with them, and moving pictures do not need it.
    from vqvae_jax.video.sink import Sink, chosen_pixel_format
    from vqvae_jax.video.video_writer import VideoWriter

    frames = _checked(frames, fps)
    check(0 <= crf <= 51, "crf", crf, "0 to 51")
    path = Path(path)
    height, width = frames.shape[1:3]
    rate = Fraction(fps).limit_denominator(1001)
    refuse_existing(path)

    def open_writer(part: Path) -> VideoWriter:
        colours = chosen_pixel_format(width, height)
        return VideoWriter(part, "mp4", width, height, rate, crf=crf, preset=preset, pixel_format=colours)

    with Sink(path, open_writer, width, height) as sink:
        for frame in frames:
            sink.write(frame)
    return path


def moving_picture(
    frames: np.ndarray, fps: float = 16, file_format: PictureFormat = "webp", quality: int = 90
) -> bytes:
    """An endlessly repeating picture file, as bytes: animated WebP, APNG (lossless) or GIF (256 colours).

    Args:
      frames: (T, H, W, 3) uint8, RGB, T >= 1.
      fps: frames per second; browsers honour up to about 50.
      file_format: "webp", "apng" or "gif".
      quality: WebP only, 0 to 100; 100 is lossless.

    Raises:
      ValueError: if `frames` has another shape or type.
    """
    from PIL import Image

    frames = _checked(frames, fps)
    check_choice("file_format", file_format, ("webp", "apng", "gif"))
    check(0 <= quality <= 100, "quality", quality, "0 to 100")
    options: dict[str, object] = {}
    if file_format == "webp":
        # Without loss method 1 takes half as long, for no larger a file.
        lossless = quality == 100
        options = {"quality": quality, "lossless": lossless, "method": 1 if lossless else 4}
    first, *rest = [Image.fromarray(frame) for frame in frames]
    out = io.BytesIO()
    first.save(
        out,
        format="PNG" if file_format == "apng" else file_format.upper(),
        save_all=True,
        append_images=rest,
        duration=_durations_ms(len(frames), fps, step=10 if file_format == "gif" else 1),
        loop=0,
        **options,
    )
    return out.getvalue()


def write_moving_picture(path: str | Path, frames: np.ndarray, fps: float = 16, quality: int = 90) -> Path:
    """Writes `moving_picture` to a new file; the ending (.webp, .png, .apng, .gif) chooses the format.

    Raises:
      ValueError: if `frames` has another shape or type.
      UserError: if the ending is another one, or the file exists or cannot be written.
    """
    path = Path(path)
    formats: dict[str, PictureFormat] = {".webp": "webp", ".png": "apng", ".apng": "apng", ".gif": "gif"}
    if path.suffix.lower() not in formats:
        raise UserError(f"{path}: unknown kind of moving picture; expected the ending {', '.join(formats)}")
    refuse_existing(path)
    content = moving_picture(frames, fps, formats[path.suffix.lower()], quality)
    write_atomically(path, content)
    return path


def _checked(frames: np.ndarray, fps: float) -> np.ndarray:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise ValueError(f"frames: expected (T, H, W, 3) uint8 with T, H, W >= 1, found {frames.shape} {frames.dtype}")
    check(0 < fps <= 1000, "fps", fps, "above 0, at most 1000")
    return np.ascontiguousarray(frames)


def _durations_ms(count: int, fps: float, step: int) -> Sequence[int]:
    """Whole-millisecond durations (multiples of `step`) whose running total never drifts from k / fps."""
    ends = [step * round(1000 * k / (fps * step)) for k in range(count + 1)]
    return [max(step, end - start) for start, end in itertools.pairwise(ends)]
