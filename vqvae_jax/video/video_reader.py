"""Video files as frames: any container and codec that FFmpeg's libraries in PyAV know, at the file's own times."""

import contextlib
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.video.clock import Clock
from vqvae_jax.video.colours import ToRgb
from vqvae_jax.video.container import check_file
from vqvae_jax.video.libav import open_container, pyav
from vqvae_jax.video.main_stream import main_stream
from vqvae_jax.video.orientation import Orientation
from vqvae_jax.video.read import (
    FALLBACK_FPS,
    MAX_DENOMINATOR,
    Frame,
    SourceInfo,
    VideoError,
    is_rate,
    refused_size,
    stated_aspect,
)

_NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS: a bare stream of a codec
_Y4M = "yuv4mpegpipe"


class VideoReader:
    """A video file's pictures as 8-bit RGB (`colours.ToRgb`), upright, in the order in which they are shown.

    A picture of another size than the first is scaled to it. Frames are converted when they are looked at.

    Args:
      path: the file.
      assumed_rate: frames per second, if the file has neither time stamps nor a rate.

    Raises:
      VideoError: no permission, empty, cut short, not a video, no picture that can be decoded, or a frame size beyond
        `read.MAX_SIDE` or `read.MAX_PIXELS`; while reading if its times are damaged. The message lacks the path.
    """

    def __init__(self, path: Path, assumed_rate: Fraction = Fraction(FALLBACK_FPS)) -> None:
        self._indexed = check_file(path)
        self._packets = self._decoded = self._refused = self._chunks = 0
        self._last_stamp: int | None = None
        self._container = open_container(path)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._stream = main_stream(self._container, path)
            context = self._stream.codec_context
            self._refuse_size(context.width, context.height)
            # One process per core already, and with threads pictures come with the times of others.
            self._stream.thread_type, context.thread_count = "NONE", 1
            self._pictures = self._decode()
            self._first: Any = next(self._pictures, None)
            if self._first is None:
                raise VideoError("no frame can be decoded")
            self._size = self._first.width, self._first.height
            self._refuse_size(*self._size)
            self._orientation = Orientation(self._first)
            source = self._source_of_times(path)
            rate, stated = self._nominal_rate(path, source, assumed_rate)
            self._clock = Clock(self._stream, rate, source)
            self.info = self._read_info(rate, stated)
            on_failure.pop_all()

    def _refuse_size(self, width: int, height: int) -> None:
        # Chance bytes can pass for a stream whose pictures have no size.
        nothing = "not a video: no picture size can be read from it" if width * height == 0 else ""
        if reason := nothing or refused_size(width, height):
            raise VideoError(reason)

    def _source_of_times(self, path: Path) -> str:
        container = self._container.format
        if self._is_avi:
            return "chunks"
        bare = container.flags & _NO_TIMESTAMPS or container.name == _Y4M
        return "grid" if bare or self._first.pts is None else "stamps"

    def _nominal_rate(self, path: Path, source: str, assumed: Fraction) -> tuple[Fraction, bool]:
        """Frames per second, and whether the file has times or a rate."""
        stream = self._stream
        average, guessed = stream.average_rate, stream.guessed_rate
        if source == "grid":
            if self._container.format.name == _Y4M:
                candidates = [_y4m_rate(path)]
            else:  # FFmpeg takes 25 for what names none
                candidates = [stream.codec_context.framerate, guessed if guessed != 25 else None]
        elif source == "chunks":
            candidates = [1 / stream.time_base]
        else:
            seconds = float((stream.duration or 0) * stream.time_base)
            # What is counted may lack the last picture's time: then it is short by at most a picture.
            short = guessed and 0 <= stream.frames - seconds * guessed <= 1 and seconds > 0
            lasting = self._first.duration and 1 / (self._first.duration * stream.time_base)
            candidates = [guessed if short else None, average, guessed, lasting or None]
        found = next((rate for rate in candidates if is_rate(rate)), None)
        stated = found is not None or source == "stamps"
        if found is None:
            found = Fraction(FALLBACK_FPS) if source == "stamps" else assumed
        return found.limit_denominator(MAX_DENOMINATOR), stated

    def _read_info(self, rate: Fraction, stated: bool) -> SourceInfo:
        stream, container = self._stream, self._container
        width, height = self._size
        pixel_aspect = stated_aspect(*(stream.sample_aspect_ratio or Fraction(1)).as_integer_ratio())
        if self._orientation.swaps_sides:
            width, height, pixel_aspect = height, width, 1 / pixel_aspect
        aspect = None if pixel_aspect == 1 else pixel_aspect * width / height
        frames = max(0, stream.frames)
        if not frames and container.duration:
            frames = max(0, round(container.duration * rate / 1_000_000))  # microseconds
        codec = f"{stream.codec_context.codec.canonical_name} {stream.codec_context.pix_fmt or ''}".strip()
        return SourceInfo(width, height, rate, stated, frames or None, bool(container.streams.audio), aspect, codec)

    @property
    def missing_frames(self) -> int:
        """How many pictures could not be decoded, of those that came and of those that an AVI lists beside them."""
        listed = self._indexed.pictures if self._indexed else 0
        return self._refused + max(0, listed - self._packets)

    @property
    def held_frames(self) -> int:
        """How many times an AVI says to go on showing the last picture, by empty chunks and pictures not coded."""
        return max(0, self._slots - self._decoded - self.missing_frames) if self._is_avi else 0

    @property
    def _slots(self) -> int:
        """Periods for which an AVI shows something."""
        return max(self._chunks, self._indexed.chunks if self._indexed else 0)

    @property
    def _is_avi(self) -> bool:
        return self._container.format.name == "avi"

    def _end(self) -> int:
        """Where the file ends by what was read of it: a chunk's number, or a stamp."""
        return self._slots if self._is_avi else (self._last_stamp or 0) + self._clock.period

    def frames(self) -> Iterator[Frame]:
        """Every frame; once."""
        clock, picture, convert = self._clock, self._first, ToRgb()
        while picture is not None:
            self._first = None  # nor does anybody else hold it for long
            show = partial(self._show, convert, picture)
            seconds = clock.of(picture)
            following = next(self._pictures, None)
            lasts = clock.lasts() if following is not None else clock.last_lasts(picture, self._end())
            yield Frame(seconds, lasts, show)
            picture = following

    def _show(self, convert: ToRgb, picture: Any) -> np.ndarray:
        try:
            return self._orientation.upright(convert(picture, *self._size))
        except (pyav().FFmpegError, ValueError) as error:
            raise VideoError(f"the decoder failed: {error}".replace("\n", " ")) from error

    def _decode(self) -> Iterator[Any]:
        """Decoded pictures, `av.VideoFrame`s; those that are refused are counted."""
        failure = pyav().FFmpegError
        for packet in self._demux():
            try:
                pictures = self._stream.decode(packet)
            except failure:
                self._refused += packet is not None
                continue
            self._decoded += len(pictures)
            yield from pictures

    def _demux(self) -> Iterator[Any]:
        """The packets of the stream, and none to end with."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except pyav().FFmpegError:
                self._refused += 1  # at least: nothing after it can be read
                packet = None
            if packet is None or (packet.dts is None and not packet.size):
                break
            self._packets += packet.size > 0
            if packet.dts is not None:
                self._chunks = max(self._chunks, packet.dts + 1)
            if packet.pts is not None and not packet.is_discard:
                self._last_stamp = max(packet.pts, packet.pts if self._last_stamp is None else self._last_stamp)
            yield packet
        yield None

    def close(self) -> None:
        self._container.close()


def _y4m_rate(path: Path) -> Fraction | None:
    with path.open("rb") as file:
        found = re.match(rb"YUV4MPEG2[^\n]* F(\d{1,9}):(\d{1,9})\s", file.read(1024))
    return Fraction(int(found[1]), int(found[2])) if found and int(found[2]) else None
