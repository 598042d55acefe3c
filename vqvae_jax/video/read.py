"""What reading a video file means, whichever library decodes it: frames with their times, and how a rate picks them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError

MAX_SIDE = 16_384
MAX_PIXELS = 64 * 2**20  # 8K is 33 million
FALLBACK_FPS = 25.0  # when the source names none, or an absurd one
LONGEST_HOLD = 3600.0  # seconds that one picture may stay; a file of a kilobyte could claim a century of output
LOWEST_RATE, HIGHEST_RATE = Fraction(1, int(LONGEST_HOLD)), Fraction(1000)  # frames per second
MAX_DENOMINATOR = 1_000_000  # of a frame rate; a double tells all such ratios apart

# A few lost frames are common; a tenth is damage, with smeared pictures around it.
MISSING_LIMIT = 0.1


class VideoError(UserError):
    """A video file that cannot be used; the message is the reason, without the path."""


class Frame(NamedTuple):
    """One decoded picture and when it is on screen."""

    seconds: float  # when it comes, from 0 at the first frame
    lasts: float  # seconds that it stays if no other follows
    show: Callable[[], np.ndarray]  # makes the picture: uint8 [H, W, 3], RGB, in any order in memory

    @property
    def image(self) -> np.ndarray:
        return self.show()


class SourceInfo(NamedTuple):
    """Facts of a source: a video file, a `.npy` file or a folder of PNG pictures."""

    width: int  # pixels, turned upright
    height: int
    rate: Fraction  # nominal frames per second, exact
    rate_stated: bool  # False: the source has neither times nor a rate, and `rate` is the one assumed
    announced_frames: int | None  # at `rate`, to show progress by: a video file's header may lie; None if unknown
    has_audio: bool
    display_aspect: Fraction | None  # width : height of the picture as shown; None if its pixels are square
    description: str  # such as "h264 yuv420p"


def is_rate(rate: Fraction | float | None) -> bool:
    """Whether this is a frame rate that a video can have."""
    return rate is not None and LOWEST_RATE <= rate <= HIGHEST_RATE


def at_rate(frames: Iterable[Frame], fps: float) -> Iterator[Frame]:
    """Picks frames for a constant rate: output k is the frame nearest to k / fps seconds, the later one on a tie.

    There are floor(duration * fps) outputs, where the last frame stays for its `lasts`: a frame whose period would
    reach past the end of the video is not made up. Holds a frame or two.
    """
    tolerance = 1e-6  # in output frames; far below any real difference, far above rounding error
    waiting: deque[Frame] = deque()
    chosen = emitted = 0
    previous: Frame | None = None
    for frame in frames:
        end = (frame.seconds + frame.lasts) * fps
        if previous is not None:
            middle = (previous.seconds + frame.seconds) / 2 * fps
            while chosen < middle - tolerance:
                waiting.append(previous)
                chosen += 1
                if emitted + 1 <= end + tolerance:
                    yield waiting.popleft()
                    emitted += 1
        while waiting and emitted + 1 <= end + tolerance:
            yield waiting.popleft()
            emitted += 1
        previous = frame
    if previous is None:
        return
    end = (previous.seconds + previous.lasts) * fps
    while emitted + 1 <= end + tolerance:
        yield waiting.popleft() if waiting else previous
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
