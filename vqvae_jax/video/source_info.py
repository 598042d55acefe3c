"""What is known of a video before its frames are read."""

from fractions import Fraction
from typing import NamedTuple


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
