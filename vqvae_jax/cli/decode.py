"""`vqvae-jax decode`."""

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vqvae_jax.codec.decoder import Decoder, OnError
from vqvae_jax.command_line import PIPE
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.packaged import find_for_file
from vqvae_jax.progress import counted
from vqvae_jax.video.pipes import STDOUT, Y4mWriter
from vqvae_jax.video.sink import CONTAINERS, Sink, chosen_pixel_format, open_sink
from vqvae_jax.video.video_writer import PixelFormat


@dataclass(frozen=True)
class Options:
    """Decodes an .msv file to a video file, an array or pictures."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE.msv")]
    """The .msv file to read."""
    out: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="OUT")]
    """.mp4, .mkv or .avi; .npy for an array (T, H, W, 3) uint8; a name without ending for a folder of PNG pictures; -
    for Y4M to standard output."""
    bundle: Path | None = None
    """The model that the file was coded with; default: the one of the package that fits, else $VQVAE_JAX_BUNDLE."""
    level: str | None = None
    """`top` decodes the coarse level alone, a preview."""
    start: int = 0
    """Number of the first frame, from 0."""
    frames: int | None = None
    """How many frames; default: all that follow."""
    codec: Literal["h264", "ffv1"] | None = None
    """Of video files: near-lossless H.264 (the default), or lossless FFV1 (.mkv, .avi)."""
    pixel_format: PixelFormat | None = None
    """Of H.264: yuv420p plays everywhere (the default); yuv444p keeps the colour of every pixel, and is what is written
    if a side is odd."""
    on_error: OnError = "stop"
    """What to do with a damaged chunk: stop, or repeat the last good frame and go on. A file cut short ends there."""
    force: bool = False
    """Overwrite an existing output."""


def run(options: Options) -> None:
    """Decodes; says what was written.

    Raises:
      UserError: about the file, the bundle, the range or the output.
    """
    with Decoder(find_for_file(options.bundle, options.file), options.file) as decoder:
        header = decoder.reader.header
        frames = decoder.frames(options.start, options.frames, options.level, options.on_error)
        total = header.frames - options.start if options.frames is None else options.frames
        aspect = Fraction(header.source_width, header.source_height)
        with opened(options, header.width, header.height, header.rate, aspect) as sink:
            count = 0
            for frame in counted(frames, total, "decoding"):
                sink.write(frame)
                count += 1
        if decoder.reader.index_damaged:
            reason = decoder.reader.end_fault
            say(f"warning: {options.file}: {reason}", file=sys.stderr)
        for reason in decoder.damaged.values():
            say(f"skipped: {reason}", file=sys.stderr)
    piped = options.out == PIPE
    name = STDOUT if piped else options.out
    what = f"{number_of(count, 'frame')} of {header.width}x{header.height} at {header.rate} fps"
    if not piped and Path(options.out).suffix.lower() in CONTAINERS and options.codec != "ffv1":
        what += f", {options.pixel_format or chosen_pixel_format(header.width, header.height)}"
    say(f"{name}: {what}", file=sys.stderr if piped else None)


def opened(options: Options, width: int, height: int, rate: Fraction, aspect: Fraction) -> Sink | Y4mWriter:
    """The output.

    Raises:
      UserError: if it cannot be written, or is a terminal.
    """
    if options.out != PIPE:
        return open_sink(
            options.out,
            width,
            height,
            rate,
            codec=options.codec,
            pixel_format=options.pixel_format,
            display_aspect=aspect,
            overwrite=options.force,
        )
    if options.codec is not None:
        raise UserError(f"{STDOUT}: codec={options.codec} is for video files; a pipe carries Y4M")
    if sys.stdout is None:
        raise UserError(f"{STDOUT}: standard output is closed")
    if options.pixel_format is not None:
        raise UserError(f"{STDOUT}: pixel_format={options.pixel_format} is for video files; a pipe carries Y4M, 4:4:4")
    if sys.stdout.isatty():
        raise UserError(f"{STDOUT}: is a terminal; send the pictures to a program (| ffplay -) or a file (> video.y4m)")
    pixel_aspect = (aspect * height / width).limit_denominator(1000)
    return Y4mWriter(sys.stdout.buffer, width, height, rate, pixel_aspect)
