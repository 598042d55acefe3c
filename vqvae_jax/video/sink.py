"""Where decoded frames go: a video file, a `.npy` file or a folder of PNG pictures, which appears only when whole."""

import contextlib
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from vqvae_jax import stopping
from vqvae_jax.config import check, check_choice
from vqvae_jax.errors import UserError
from vqvae_jax.files import no_folder, refuse_existing, temporary
from vqvae_jax.video.npy_frames import NpyWriter
from vqvae_jax.video.png_frames import PngWriter, holds_only_numbered_pictures
from vqvae_jax.video.read import MAX_DENOMINATOR, is_rate, refused_size
from vqvae_jax.video.video_writer import Codec, PixelFormat, VideoWriter

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".avi": "avi"}


class Writer(Protocol):
    """What a kind of output must do. Every method may raise `OSError`, `abandon` excepted."""

    def write(self, frame_HWC: np.ndarray) -> None: ...

    def finish(self) -> None:
        """Completes the output."""

    def abandon(self) -> None:
        """Lets go of open files, whatever state they are in."""


def open_sink(
    path: str | os.PathLike[str],
    width: int,
    height: int,
    rate: Fraction,
    *,
    codec: Codec | None = None,
    pixel_format: PixelFormat | None = None,
    display_aspect: Fraction | None = None,
    overwrite: bool = False,
) -> "Sink":
    """Opens an output; the name chooses its kind.

    Args:
      path: `.mp4`, `.mkv` or `.avi`: a video file. `.npy`: an array (T, H, W, 3) uint8. A name without ending, or that
        ends with `/`: a folder of PNG pictures. Its own folder must exist.
      width, height: pixels of every frame.
      rate: frames per second, 1/3600 to 1000, denominator up to `read.MAX_DENOMINATOR`. Kept exactly by .mp4 and .avi,
        and by .mkv, which counts nanoseconds, if it is a usual one (30000/1001); arrays and pictures do not keep it.
      codec: of a video file: `h264` (the default) is near-lossless (x264, CRF 4); `ffv1` is lossless RGB, in .mkv and
        .avi.
      pixel_format: of H.264: see `chosen_pixel_format`.
      display_aspect: width : height of the picture as it should be shown; None: pixels are square. Arrays and pictures
        do not keep it.
      overwrite: whether an existing output may be replaced, once the new one is whole.

    Raises:
      UserError: if the ending is another one, `codec` does not go with it, the output exists, or it cannot be written.
    """
    if codec is not None:
        check_choice("codec", codec, ("h264", "ffv1"))
    check(is_rate(rate), "rate", rate, "1/3600 to 1000 frames per second")
    check(rate.denominator <= MAX_DENOMINATOR, "rate", rate, f"a ratio with a denominator up to {MAX_DENOMINATOR}")
    ending = "" if str(path).endswith(("/", os.sep)) else Path(path).suffix.lower()
    path = Path(path)
    if ending not in (*CONTAINERS, ".npy", ""):
        endings = ", ".join(CONTAINERS)
        raise UserError(f"{path}: unknown ending; expected {endings}, .npy, or a folder for PNG pictures (NAME/)")
    if codec is not None and ending not in CONTAINERS:
        kind = "an array holds" if ending == ".npy" else "pictures hold"
        raise UserError(f"{path}: codec={codec} is for video files; {kind} the frames as they are")
    if pixel_format is not None and (ending not in CONTAINERS or codec == "ffv1"):
        raise UserError(f"{path}: pixel_format={pixel_format} is for H.264 video files")
    if codec == "ffv1" and ending == ".mp4":
        raise UserError(f"{path}: FFV1 does not go into .mp4; name it .mkv or .avi")
    if reason := refused_size(width, height):
        raise UserError(f"{path}: {reason}")
    if pixel_format == "yuv420p" and chosen_pixel_format(width, height) != "yuv420p":
        raise UserError(f"{path}: yuv420p needs even sides, not {width}x{height}; leave it to yuv444p")
    chosen = pixel_format or chosen_pixel_format(width, height)
    pixel_aspect = Fraction(1) if display_aspect is None else display_aspect * height / width
    check(Fraction(1, 100) <= pixel_aspect <= 100, "display_aspect", display_aspect, "pixels of 1:100 to 100:1")

    def open_writer(part: Path) -> Writer:
        if ending == "":
            return PngWriter(part)
        if ending == ".npy":
            return NpyWriter(part, width, height)
        return VideoWriter(
            part,
            CONTAINERS[ending],
            width,
            height,
            rate,
            codec or "h264",
            pixel_aspect.limit_denominator(1000),
            pixel_format=chosen,
        )

    return Sink(path, open_writer, width, height, folder=ending == "", overwrite=overwrite)


def chosen_pixel_format(width: int, height: int) -> PixelFormat:
    """Of H.264 where none is asked for: 4:2:0, which every player knows; 4:4:4 for odd sides, which 4:2:0 has not."""
    return "yuv444p" if width % 2 or height % 2 else "yuv420p"


class Sink:
    """An open output; a context manager. Leaving it, or `close`, makes the output appear; an exception discards it.

    Args:
      path: the output.
      open_writer: starts to write it under the temporary name that it is given.
      width, height: pixels of every frame.
      folder: whether it is a folder, not a file.
      overwrite: whether an existing output may be replaced.

    Raises:
      UserError: if the output exists and may not be replaced, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        open_writer: Callable[[Path], Writer],
        width: int,
        height: int,
        *,
        folder: bool = False,
        overwrite: bool = False,
    ) -> None:
        self.path, self._folder, self._overwrite = path, folder, overwrite
        self._shape = (height, width, 3)
        self._written = 0
        self._abandon: Callable[[], object] = _nothing
        self._target = Path(os.path.abspath(path))  # noqa: PTH100 (also "." and "..", which have no name)
        self._part = temporary(self._target)
        self._open = True
        try:
            self._refuse_existing()
            stopping.begin(self.discard)
            self._writer = open_writer(self._part)
            self._abandon = self._writer.abandon
        except BaseException as error:
            self.discard()
            if isinstance(error, OSError):
                raise self._cannot_write(error) from error
            raise

    def write(self, frame_HWC: np.ndarray) -> None:
        """Adds a frame: uint8 [height, width, 3], RGB.

        Raises:
          ValueError: if it has another shape or type.
          UserError: if it cannot be written; the output is discarded.
        """
        if frame_HWC.shape != self._shape or frame_HWC.dtype != np.uint8:
            raise ValueError(f"frame: expected {self._shape} uint8, found {frame_HWC.shape} {frame_HWC.dtype}")
        try:
            self._writer.write(np.ascontiguousarray(frame_HWC))
        except OSError as error:
            self.discard()
            raise self._cannot_write(error) from error
        self._written += 1

    def close(self) -> None:
        """Completes the output and puts it in its place. A second call does nothing.

        Raises:
          UserError: if it cannot be written, or no frame was; the output is discarded.
        """
        if not self._open:
            return
        if not self._written:
            self.discard()
            raise UserError(f"{self.path}: there is no frame to write")
        try:
            self._writer.finish()
            self._refuse_existing()
            self._put_in_place()
        except OSError as error:
            raise self._cannot_write(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Removes what has been written, if it has not been put in its place."""
        if self._open:
            try:
                self._abandon()
            finally:
                _remove(self._part)
            # Last: what a signal cuts short is done again.
            self._open = False
            stopping.end(self.discard)

    def _cannot_write(self, error: OSError) -> UserError:
        return UserError(f"{self.path}: {no_folder(self._target) or f'cannot be written ({error.strerror or error})'}")

    def _refuse_existing(self) -> None:
        """Raises `UserError` unless the path is free, or may be replaced and is nothing but an earlier output."""
        path = self.path
        refuse_existing(path, self._overwrite)
        if not os.path.lexists(path):
            return
        if self._folder and (path.is_symlink() or not path.is_dir()):
            raise UserError(f"{path}: exists and is not a folder; it is not overwritten with one")
        if self._folder and not holds_only_numbered_pictures(path):
            raise UserError(f"{path}: a folder with other things than numbered PNG pictures; it is not overwritten")
        if not self._folder and not path.is_file():
            raise UserError(f"{path}: exists and is not a file; it is not overwritten with one")

    def _put_in_place(self) -> None:
        if not self._folder or not self._target.exists():
            self._part.replace(self._target)
            return
        # A folder cannot be renamed onto one that holds files.
        old = temporary(self._target)
        with stopping.undisturbed():
            self._target.rename(old)
            try:
                self._part.rename(self._target)
            except OSError:
                old.rename(self._target)
                raise
            shutil.rmtree(old)

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _nothing() -> None:
    pass


def _remove(part: Path) -> None:
    with contextlib.suppress(OSError):  # What cannot be removed must not hide the error that led here.
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
