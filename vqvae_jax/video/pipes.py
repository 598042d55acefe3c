"""Video through pipes: Y4M (YUV4MPEG2) and raw RGB in, Y4M out; once, from the beginning to the end."""

import types
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.video.colours import FromRgb, ToRgb
from vqvae_jax.video.libav import pyav
from vqvae_jax.video.read import FALLBACK_FPS, MAX_DENOMINATOR, Frame, SourceInfo, is_rate, refused_size, stated_aspect

STDIN, STDOUT = "standard input", "standard output"
_MAGIC = b"YUV4MPEG2"
_LONGEST_LINE = 1024  # bytes of a header; FFmpeg writes about 80
#: By what Y4M calls them: FFmpeg's pixel formats, and where the chroma samples lie.
_FORMATS = {
    "420": ("yuv420p", "center"),
    "420jpeg": ("yuv420p", "center"),
    "420mpeg2": ("yuv420p", "left"),
    "420paldv": ("yuv420p", "topleft"),
    "422": ("yuv422p", "unspecified"),
    "444": ("yuv444p", "unspecified"),
    "mono": ("gray", "unspecified"),
}


class PipeReader:
    """A stream of pictures as 8-bit RGB: Y4M, converted as `VideoReader` converts a file, or raw 24-bit RGB.

    Args:
      stream: to read from; anything with `read`.
      rate: frames per second, if the stream names none; by default `read.FALLBACK_FPS`.
      raw_size: width and height of raw pictures; None for Y4M, which names its own.
      name: of the stream, for messages.

    Raises:
      UserError: if it is no such stream, of another kind than 8-bit 4:2:0, 4:2:2, 4:4:4 or mono, or its pictures are
        too large; while reading if it ends within a picture.
    """

    missing_frames = 0

    def __init__(
        self,
        stream: BinaryIO,
        rate: Fraction | None = None,
        raw_size: tuple[int, int] | None = None,
        name: str = STDIN,
    ) -> None:
        self._stream, self._name = stream, name
        head = self._read(len(_MAGIC))
        self._is_y4m = head == _MAGIC
        self._begun = b"" if self._is_y4m else head  # of the first raw picture
        if self._is_y4m and raw_size is not None:
            raise self._error("is Y4M, which names the size of its pictures; leave out source-size")
        if not head:
            raise self._error("is empty")
        if not self._is_y4m and raw_size is None:
            raise self._error("is not Y4M (YUV4MPEG2); for raw 24-bit RGB: --source-size WIDTHxHEIGHT, --source-fps")
        header = self._read_header() if raw_size is None else _Header(*raw_size, None, None, "rgb24", "", False)
        if reason := refused_size(header.width, header.height):
            raise self._error(reason)
        self._header = header
        fps = header.rate or rate or Fraction(FALLBACK_FPS)
        aspect = header.pixel_aspect
        self.info = SourceInfo(
            header.width,
            header.height,
            fps,
            header.rate is not None,
            None,
            False,
            None if aspect is None or aspect == 1 else aspect * header.width / header.height,
            f"y4m {header.pixel_format}" if self._is_y4m else "raw rgb24",
        )

    def _read_header(self) -> "_Header":
        words = self._line().decode("latin-1").split()
        try:
            found = {word[0]: word[1:] for word in words if word[0] != "X"}
            width, height = int(found["W"]), int(found["H"])
            rate, aspect = (_ratio(found.get(letter, "0:0")) for letter in "FA")
        except (KeyError, ValueError) as error:
            raise self._error(f"has a damaged Y4M header ({' '.join(words)})") from error
        colours = found.get("C", "420")
        if colours not in _FORMATS:
            raise self._error(f"is Y4M of colours C{colours}; expected 8 bits, one of {', '.join(_FORMATS)}")
        # A rate that no video has is none, as in a file.
        rate = rate.limit_denominator(MAX_DENOMINATOR) if rate is not None and is_rate(rate) else None
        pixel_aspect = None if aspect is None else stated_aspect(*aspect.as_integer_ratio())
        return _Header(width, height, rate, pixel_aspect, *_FORMATS[colours], "XCOLORRANGE=FULL" in words)

    def frames(self) -> Iterator[Frame]:
        convert, rate = _Converter(self._header), self.info.rate
        number = 0
        while self._begins(number):
            data = self._begun + self._read(convert.size - len(self._begun))
            if len(data) < convert.size:
                raise self._error(f"ends within picture {number}")
            self._begun = b""
            yield Frame(float(number / rate), float(1 / rate), partial(convert, data))
            number += 1

    def _begins(self, number: int) -> bool:
        """Whether another picture follows."""
        if not self._is_y4m:
            self._begun = self._begun or self._read(1)
            return bool(self._begun)
        word = self._read(5)
        if word and word != b"FRAME":
            raise self._error(f"is damaged: picture {number} does not begin with FRAME")
        if word:
            self._line()
        return bool(word)

    def _line(self) -> bytes:
        """The rest of a line, without its end."""
        line = b""
        while (byte := self._read(1)) != b"\n":
            line += byte
            if not byte or len(line) > _LONGEST_LINE:
                raise self._error("has a damaged Y4M header")
        return line

    def _read(self, count: int) -> bytes:
        """So many bytes; fewer only at the end."""
        parts = []
        try:
            while count and (part := self._stream.read(count)):
                parts.append(part)
                count -= len(part)
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror or error}") from error
        return b"".join(parts)

    def _error(self, reason: str) -> UserError:
        return UserError(f"{self._name}: {reason}")

    def close(self) -> None:
        """Leaves the stream to whoever opened it."""


class _Header(NamedTuple):
    width: int
    height: int
    rate: Fraction | None
    pixel_aspect: Fraction | None
    pixel_format: str
    chroma_location: str
    full_range: bool


def _ratio(text: str) -> Fraction | None:
    numerator, denominator = map(int, text.split(":"))
    return Fraction(numerator, denominator) if numerator > 0 and denominator > 0 else None


class _Converter:
    """Bytes of a picture, plane after plane, to RGB, as `VideoReader` converts the same picture in a file."""

    def __init__(self, header: _Header) -> None:
        self._av: types.ModuleType = pyav()
        self._header, self._to_rgb = header, ToRgb()
        self._tagged = _tags(header) if header.pixel_format != "rgb24" else None
        self.size = sum(height * width for height, width in self._planes())

    def _planes(self) -> list[tuple[int, int]]:
        """Rows, and bytes in each."""
        width, height = self._header.width, self._header.height
        if self._tagged is None:
            return [(height, 3 * width)]
        if self._header.pixel_format == "gray":
            return [(height, width)]
        across, down = {"yuv420p": (2, 2), "yuv422p": (2, 1), "yuv444p": (1, 1)}[self._header.pixel_format]
        chroma = (-(-height // down), -(-width // across))
        return [(height, width), chroma, chroma]

    def __call__(self, data: bytes) -> np.ndarray:
        width, height = self._header.width, self._header.height
        if self._tagged is None:
            return np.frombuffer(data, np.uint8).reshape(height, width, 3)
        frame = self._av.VideoFrame(width, height, self._header.pixel_format)
        start = 0
        for plane, (rows, row) in zip(frame.planes, self._planes(), strict=True):
            samples = np.frombuffer(data, np.uint8, rows * row, start).reshape(rows, row)
            np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:rows, :row] = samples
            start += rows * row
        self._tagged.push(frame)
        return self._to_rgb(self._tagged.pull(), width, height)


def _tags(header: _Header) -> Any:
    """A filter graph that says of pictures what the header says; PyAV itself cannot say where chroma lies."""
    av = pyav()
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=header.width, height=header.height, format=header.pixel_format, time_base=Fraction(1)
    )
    range_ = "full" if header.full_range else "unspecified"
    tags = graph.add("setparams", f"range={range_}:chroma_location={header.chroma_location}")
    graph.link_nodes(source, tags, graph.add("buffersink")).configure()
    return graph


class Y4mWriter:
    """Frames to a stream as Y4M, 4:4:4, limited range, by the matrix that is assumed; a context manager.

    Args:
      stream: to write to.
      width, height: pixels of every frame.
      rate: frames per second.
      pixel_aspect: width of a pixel : its height.
      name: of the stream, for messages.

    Raises:
      BrokenPipeError: while writing, if nobody reads any more.
      UserError: if it cannot be written for another reason.
    """

    def __init__(
        self,
        stream: BinaryIO,
        width: int,
        height: int,
        rate: Fraction,
        pixel_aspect: Fraction = Fraction(1),
        name: str = STDOUT,
    ) -> None:
        self._stream, self._name, self._av = stream, name, pyav()
        self._convert = FromRgb(width, height)
        ratio, aspect = (f"{x.numerator}:{x.denominator}" for x in (rate, pixel_aspect))
        self._put(f"YUV4MPEG2 W{width} H{height} F{ratio} Ip A{aspect} C444 XCOLORRANGE=LIMITED\n".encode())

    def write(self, frame_HWC: np.ndarray) -> None:
        """Adds a frame: uint8 [height, width, 3], RGB."""
        rgb = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_HWC), format="rgb24")
        self._put(b"FRAME\n" + self._convert(rgb, "yuv444p").to_ndarray().tobytes())

    def _put(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UserError(f"{self._name}: cannot be written ({error.strerror or error})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
