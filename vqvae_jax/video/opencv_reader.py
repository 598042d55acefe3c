"""Video files by OpenCV, every frame in order: the paper's preprocessing, and nothing else."""

import os
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2

from vqvae_jax.video.container import check_file
from vqvae_jax.video.libav import FORMATS
from vqvae_jax.video.read import FALLBACK_FPS, MAX_DENOMINATOR, Frame, SourceInfo, VideoError, is_rate, refused_size

os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", f"protocol_whitelist;file|format_whitelist;{FORMATS}")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's complaints about damage; ours are clearer


class OpenCVReader:
    """A video file's pictures as OpenCV shows them: at a regular rate whatever the file's times, held ones left out.

    4:2:0 and 4:2:2 come out about a level too dark (libswscale without accurate rounding). AV1 cannot be read.

    Raises:
      VideoError: as `video_reader.VideoReader`.
    """

    held_frames = 0  # it does not tell

    def __init__(self, path: Path) -> None:
        # Process-wide, alas. OpenCV's warnings would stand beside our one line and say less.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        cv2.setNumThreads(1)
        indexed = check_file(path)
        self._listed = indexed.pictures if indexed else 0
        self._decoded = 0
        name = str(path.absolute())
        if name != name.encode("utf-8", "replace").decode():
            raise VideoError("its path is not UTF-8")  # OpenCV would crash on it
        self._capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not self._capture.isOpened():
            raise VideoError("not a video that OpenCV can open")
        get = self._capture.get
        width, height = int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT))
        if reason := refused_size(width, height):
            self.close()
            raise VideoError(reason)
        # The float came from a ratio of integers; of those with denominators up to this, only that one is so near.
        stated = is_rate(fps := get(cv2.CAP_PROP_FPS))
        rate = Fraction(fps if stated else FALLBACK_FPS).limit_denominator(MAX_DENOMINATOR)
        announced = max(0, int(get(cv2.CAP_PROP_FRAME_COUNT))) or None
        self.info = SourceInfo(width, height, rate, stated, announced, False, None, "")

    @property
    def missing_frames(self) -> int:
        """How many pictures an AVI lists that could not be decoded; known once all are read."""
        return max(0, self._listed - self._decoded)

    def frames(self) -> Iterator[Frame]:
        period = 1 / self.info.rate
        try:
            while (read := self._capture.read())[0]:
                show = partial(cv2.cvtColor, read[1], cv2.COLOR_BGR2RGB)
                yield Frame(float(self._decoded * period), float(period), show)
                self._decoded += 1
        except cv2.error as error:
            raise VideoError(f"the decoder failed: {error.err or error}".replace("\n", " ")) from error

    def close(self) -> None:
        self._capture.release()
