"""Any video as a stream of RGB frames: a video file, a `.npy` file or a folder of PNG pictures."""

import itertools
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vqvae_jax.config import check
from vqvae_jax.errors import UserError
from vqvae_jax.video.npy_frames import NpyReader
from vqvae_jax.video.pipes import STDIN, PipeReader
from vqvae_jax.video.png_frames import PngReader
from vqvae_jax.video.read import Frame, SourceInfo, VideoError, at_rate, is_rate
from vqvae_jax.video.video_reader import VideoReader

RATES = "1/3600 to 1000 frames per second"


def open_source(path: str | os.PathLike[str], assumed_rate: Fraction = Fraction(25)) -> "Source":
    """Opens a video to read it once, frame by frame.

    Args:
      path: a video file, a `.npy` file of (T, H, W, 3) uint8, or a folder of PNG pictures.
      assumed_rate: frames per second of arrays, pictures and bare streams of a codec that name none; 1/3600 to 1000.

    Raises:
      UserError: if it is none of these, or cannot be read; names the path and the reason.
    """
    check(is_rate(assumed_rate), "rate", assumed_rate, RATES)
    path = Path(path)
    if os.path.isdir(path):  # noqa: PTH112 (pathlib's raises if the name is too long)
        return Source(path, PngReader(path, assumed_rate))
    if path.suffix.lower() == ".npy":
        return Source(path, NpyReader(path, assumed_rate))
    try:
        return Source(path, VideoReader(path, assumed_rate))
    except VideoError as error:
        raise UserError(f"{path}: {error}") from error


def open_pipe(
    stream: BinaryIO, assumed_rate: Fraction | None = None, raw_size: tuple[int, int] | None = None
) -> "Source":
    """Opens a stream of pictures, Y4M or raw RGB, to read it once.

    Args:
      stream: such as standard input.
      assumed_rate, raw_size: as for `PipeReader`.

    Raises:
      UserError: if it is no such stream.
    """
    return Source(STDIN, PipeReader(stream, assumed_rate, raw_size))


class Source:
    """An open video; a context manager. `info` is known at once, `missing_frames` when all frames have been read."""

    def __init__(self, path: Path | str, reader: NpyReader | PngReader | VideoReader | PipeReader) -> None:
        self.path = path
        self._reader = reader
        self._read = False

    @property
    def info(self) -> SourceInfo:
        return self._reader.info

    @property
    def missing_frames(self) -> int:
        """How many pictures of a damaged file could not be decoded."""
        return self._reader.missing_frames

    def frames(self, rate: Fraction | None = None) -> Iterator[np.ndarray]:
        """The frames in order, at least one, each uint8 [height, width, 3], RGB, contiguous. Can be called once.

        Args:
          rate: frames per second; frame k is the one nearest to k / rate seconds (see `read.at_rate`). None: the
            nominal rate, `info.rate`, which gives every frame of a source of constant rate as it is.

        Raises:
          UserError: if no frame can be read, or one is damaged; names the path and the reason.
        """
        rate = self.info.rate if rate is None else rate
        check(is_rate(rate), "rate", rate, RATES)
        if self._read:
            raise RuntimeError(f"{self.path}: has been read; open it again")
        self._read = True
        return self._frames(rate)

    def _frames(self, rate: Fraction) -> Iterator[np.ndarray]:
        pictures = self._reader.frames()
        shown: Frame | None = None
        try:
            first = next(pictures, None)
            if first is None:
                raise UserError(f"{self.path}: no frame can be decoded")
            chosen = at_rate(itertools.chain([first], pictures), float(rate))
            # A video shorter than one period of the rate is still a picture.
            for frame in itertools.chain([next(chosen, first)], chosen):
                if frame is not shown:
                    shown, image_HWC = frame, np.ascontiguousarray(frame.image)
                yield image_HWC
        except VideoError as error:
            raise UserError(f"{self.path}: {error}") from error

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
