"""What commands say of a source: which it is, at what size and rate it is coded, and its frames so."""

import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from vqvae_jax.codec.interface import Model
from vqvae_jax.command_line import PIPE
from vqvae_jax.container.header import MAX_SIDE
from vqvae_jax.errors import UserError, say
from vqvae_jax.progress import counted
from vqvae_jax.video.pipes import STDIN
from vqvae_jax.video.read import MAX_DENOMINATOR, is_rate
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import Source, open_pipe, open_source


class SourceOptions(Protocol):
    """Options about the source; see `vqvae-jax encode --help`."""

    @property
    def source(self) -> str: ...

    @property
    def source_fps(self) -> str | None: ...

    @property
    def source_size(self) -> str | None: ...

    @property
    def verify(self) -> bool: ...


def note(line: str) -> None:
    """A line to the user beside the result."""
    say(line, file=sys.stderr)


def check_source(options: SourceOptions) -> None:
    """Raises a `UserError` for what can be told of the source before a model is read."""
    if options.source == PIPE:
        if options.verify:
            raise UserError(f"{STDIN}: can be read once only, so --verify has nothing to compare with; encode a file")
        if sys.stdin.isatty():
            raise UserError(f"{STDIN}: is a terminal; send Y4M to it (ffmpeg -i VIDEO -f yuv4mpegpipe - |)")
    elif options.source_size is not None:
        raise UserError(f"source-size={options.source_size} is for raw pictures from a pipe; {options.source} is none")
    if Path(options.source).suffix.lower() == ".msv":
        raise UserError(f"{options.source}: is coded already; vqvae-jax decode makes a video of it")


def opened(options: SourceOptions) -> Source:
    """The source, with the rate that was given for it if it names none.

    Raises:
      UserError: if it cannot be read, or the rate is none.
    """
    assumed = None if options.source_fps is None else parse_rate(options.source_fps, "source-fps")
    if options.source_fps is not None and assumed is None:
        raise UserError("source-fps: expected a number or a fraction such as 30000/1001")
    if options.source == PIPE:
        raw_size = None if options.source_size is None else parse_size(options.source_size, "source-size")
        source = open_pipe(sys.stdin.buffer, assumed, raw_size)
    else:
        source = open_source(options.source, *([] if assumed is None else [assumed]))
    if assumed is not None and source.info.rate_stated:
        source.close()
        raise UserError(
            f"source-fps={options.source_fps} is for what names no rate; {source.path} says {source.info.rate} "
            "frames per second (--fps changes the coded rate)"
        )
    return source


def frames_of(
    source: Source, rate: Fraction, width: int, height: int, what: str, together: int = 1
) -> Iterator[np.ndarray]:
    """The source's frames at the coded rate and size; so many of them are worked on together."""
    announced = source.info.announced_frames
    total = None if announced is None else max(1, round(announced * rate / source.info.rate))
    yield from map(resizer(height, width), counted(source.frames(rate), total, what, together=together))


def bytes_of(path: Path) -> int:
    """Size of a file, or of the files in a folder."""
    return sum(p.stat().st_size for p in path.iterdir() if p.is_file()) if path.is_dir() else path.stat().st_size


def shown_size(width: int, height: int, display_aspect: Fraction | None) -> tuple[int, int]:
    """Width and height in square pixels: what a player should show."""
    return (width, height) if display_aspect is None else (max(1, round(height * display_aspect)), height)


def parse_rate(text: str, option: str = "fps") -> Fraction | None:
    """A frame rate; none for `source`.

    Raises:
      UserError: if it is none.
    """
    if text == "source":
        return None
    try:
        # Not all that Fraction takes: of 1e999999999 it would make an integer.
        rate = Fraction(text) if re.fullmatch(r"[0-9]{1,9}([./][0-9]{1,9})?", text) else Fraction(0)
    except ZeroDivisionError:
        rate = Fraction(0)
    if not is_rate(rate):
        raise UserError(
            f"{option}={text!r}; expected `source`, a number or a fraction such as 30000/1001, from 1/3600 to 1000"
        )
    return rate.limit_denominator(MAX_DENOMINATOR)


def coded_size(text: str, bundle: Model, source: tuple[int, int]) -> tuple[int, int]:
    """Width and height to code at; a model of no size of its own leaves the source's.

    Raises:
      UserError: if the text is no size.
    """
    if text == "model" and all(bundle.clip):
        return bundle.clip[2], bundle.clip[1]
    if text in ("model", "native"):
        return source
    return parse_size(text, "size", "model, native or ")


def parse_size(text: str, option: str, others: str = "") -> tuple[int, int]:
    """Width and height.

    Raises:
      UserError: if the text is no size.
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match or not all(1 <= int(side) <= MAX_SIDE for side in match.groups()):
        raise UserError(f"{option}={text!r}; expected {others}WIDTHxHEIGHT of 1 to {MAX_SIDE} pixels")
    return int(match[1]), int(match[2])
