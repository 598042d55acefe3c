"""Reading video files with OpenCV: sequentially, to the end, with a timestamp for every frame.

The frame count in a file's header is never used to stop (about 4 % of UCF101's are wrong), and the frame size in a
header is checked before a frame of that size is allocated.
"""

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.video.container import indexed_pictures, missing_bytes

MAX_SIDE = 16_384
MAX_PIXELS = 64 * 2**20  # 8K is 33 million
FALLBACK_FPS = 25.0  # when the container names none, or an absurd one
MAX_DENOMINATOR = 1_000_000  # of a frame rate; a double tells all such ratios apart
LONGEST_GAP = 10.0  # seconds; a larger step between two timestamps is a damaged timestamp, not a still picture

# A few lost frames are common (3 % in healthy UCF101 files); a tenth is damage, with smeared pictures around it.
MISSING_LIMIT = 0.1

# Only containers of moving pictures, only local files: FFmpeg would otherwise follow play lists to other files and to
# the network, and render text files as "video".
FORMATS = (
    "3g2,3gp,amv,asf,avi,av1,dv,ea,flv,gif,h261,h263,h264,hevc,ivf,m4v,matroska,mj2,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,"
    "mpjpeg,mxf,nut,obu,ogg,rm,roq,swf,vc1,webm,wtv,yuv4mpegpipe"
)
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", f"protocol_whitelist;file|format_whitelist;{FORMATS}")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's complaints about damage; ours are clearer


class VideoError(UserError):
    """A video file that cannot be used; the message is the reason, without the path."""


class Frame(NamedTuple):
    """One decoded picture."""

    seconds: float  # time stamp, from 0 at the first frame
    image: np.ndarray  # uint8 [H, W, 3], blue, green, red: OpenCV's order


class SourceInfo(NamedTuple):
    """Facts of a source: a video file, a `.npy` file or a folder of PNG pictures."""

    width: int  # pixels, with rotation metadata applied
    height: int
    rate: Fraction  # nominal frames per second, exact
    rate_stated: bool  # False: the source names no rate, and `rate` is the one assumed
    announced_frames: int | None  # at `rate`, to show progress by: a video file's header may lie; None if unknown
    has_audio: bool
    display_aspect: Fraction | None  # width : height of the picture as shown; None if its pixels are square
    description: str  # such as "h264 yuv420p"


class VideoInfo(NamedTuple):
    """What the header says, of the pictures as `frames` gives them: turned upright by the rotation metadata."""

    width: int
    height: int
    fps: float  # nominal frames per second
    announced_frames: int  # may lie; 0 if unknown
    fps_stated: bool  # False: the container names no rate, or an absurd one, and `fps` is `FALLBACK_FPS`
    pixel_aspect: Fraction  # width of a pixel : its height; 1 if the container names none


class Video:
    """An open video file; a context manager. After `frames()`, `missing_frames` says how many of them an AVI lacks.

    Raises (on opening):
      VideoError: no permission, empty, cut short, not a video, or a frame size beyond `MAX_SIDE` or `MAX_PIXELS`.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1):
        checked = _check_file(path)
        self._is_avi, self._indexed = checked.is_avi, checked.indexed_pictures
        # An absolute path cannot be taken for a protocol or an option.
        name = str(Path(path).absolute())
        if name != name.encode("utf-8", "replace").decode():
            raise VideoError("its path is not UTF-8")  # OpenCV would crash on it
        self._capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        if not self._capture.isOpened():
            raise VideoError("not a video that OpenCV can open")
        self.info = self._read_info()
        self.missing_frames = 0  # that the file's index lists but that could not be decoded (AVI only)

    def _read_info(self) -> VideoInfo:
        get = self._capture.get
        width, height, fps = (
            int(get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(get(cv2.CAP_PROP_FRAME_HEIGHT)),
            get(cv2.CAP_PROP_FPS),
        )
        # Chance bytes can pass for a stream whose pictures have no size.
        nothing = "not a video: no picture size can be read from it" if width * height == 0 else ""
        if reason := nothing or refused_size(width, height):
            self.close()
            raise VideoError(reason)
        stated = 0.1 <= fps <= 1000
        pixel_aspect = stated_aspect(get(cv2.CAP_PROP_SAR_NUM), get(cv2.CAP_PROP_SAR_DEN))
        if get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270):  # OpenCV turns the pictures but not their pixels' aspect.
            pixel_aspect = 1 / pixel_aspect
        announced = max(0, int(get(cv2.CAP_PROP_FRAME_COUNT)))
        return VideoInfo(width, height, fps if stated else FALLBACK_FPS, announced, stated, pixel_aspect)

    def frames(self) -> Iterator[Frame]:
        """Decodes every frame in order.

        Frame i is at `i / fps`, which is exact for a constant rate, unless the container keeps time stamps (AVI does
        not) and this one differs by more than half a period: variable rate. A time stamp that goes back or jumps by
        more than `LONGEST_GAP` is replaced by the previous one plus one period.
        """
        period = 1 / self.info.fps
        first, previous, index = 0.0, -period, 0
        while True:
            ok, image_HWC = self._capture.read()
            if not ok:
                self.missing_frames = max(0, (self._indexed or 0) - index)
                return
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index == 0:
                first = stamp
            seconds = stamp - first
            if self._is_avi or abs(seconds - index * period) <= period / 2:
                seconds = index * period
            if not 0 < seconds - previous <= LONGEST_GAP:
                seconds = previous + period
            yield Frame(seconds, image_HWC)
            previous = seconds
            index += 1

    def close(self) -> None:
        self._capture.release()

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def at_rate(frames: Iterable[Frame], source_fps: float, fps: float) -> Iterator[Frame]:
    """Picks frames for a constant rate: output k is the frame nearest to k / fps seconds, the later one on a tie.

    There are floor(duration * fps) outputs, where the last frame lasts one period of `source_fps`: a frame whose period
    would reach past the end of the video is not made up.
    """
    tolerance = 1e-6  # in output frames; far below any real difference, far above rounding error
    waiting: deque[Frame] = deque()
    chosen = emitted = 0
    previous: Frame | None = None
    for frame in frames:
        if previous is not None:
            middle = (previous.seconds + frame.seconds) / 2 * fps
            while chosen < middle - tolerance:
                waiting.append(previous._replace(seconds=chosen / fps))
                chosen += 1
        end = (frame.seconds + 1 / source_fps) * fps
        while waiting and emitted + 1 <= end + tolerance:
            yield waiting.popleft()
            emitted += 1
        previous = frame
    if previous is None:
        return
    end = (previous.seconds + 1 / source_fps) * fps
    while emitted + 1 <= end + tolerance:
        yield waiting.popleft() if waiting else previous._replace(seconds=emitted / fps)
        emitted += 1


def refused_size(width: int, height: int) -> str:
    """Why frames of this size are not read or written, or nothing; asked before memory for one is taken."""
    if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS:
        return ""
    return f"frame size {width}x{height} is outside 1x1 to {MAX_SIDE} a side and {MAX_PIXELS} pixels"


def stated_aspect(numerator: float, denominator: float) -> Fraction:
    """Width of a pixel : its height as stated, if it is one that a picture can have; else 1."""
    if not (numerator >= 1 and denominator >= 1 and 1 / 100 <= numerator / denominator <= 100):
        return Fraction(1)
    return Fraction(int(numerator), int(denominator))


class _Checked(NamedTuple):
    is_avi: bool
    indexed_pictures: int | None


def _check_file(path: str | os.PathLike[str]) -> _Checked:
    """Raises `VideoError` for what can be told from the file itself, before a decoder sees it."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise VideoError("not a regular file")
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise VideoError("empty file")
            lost = missing_bytes(file, size)
            pictures = indexed_pictures(file, size)
            file.seek(0)
            head = file.read(4)
    except OSError as error:
        raise VideoError(f"cannot be read: {error.strerror or error}") from error
    if lost:
        raise VideoError(f"truncated: {lost} bytes of the container are missing")
    return _Checked(head == b"RIFF", pictures)
