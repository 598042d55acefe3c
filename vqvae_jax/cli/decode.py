"""`vqvae-jax decode`."""

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vqvae_jax.cli.bundles import find_for_file
from vqvae_jax.codec.decoder import Decoder, OnError
from vqvae_jax.progress import counted
from vqvae_jax.video.sink import open_sink


@dataclass(frozen=True)
class Options:
    """An .msv file to a video file, an array or pictures."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE.msv")]
    """An .msv file."""
    out: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="OUT")]
    """.mp4, .mkv or .avi; .npy for an array (T, H, W, 3) uint8; a name without ending for a folder of PNG pictures."""
    bundle: Path | None = None
    """The model that the file was coded with; default: $VQVAE_JAX_BUNDLE, else the one of the package that fits."""
    level: str | None = None
    """`top` decodes the coarse level alone, a preview."""
    start: int = 0
    """Number of the first frame, from 0."""
    frames: int | None = None
    """How many frames; default: all that follow."""
    codec: Literal["h264", "ffv1"] = "h264"
    """Of video files: near-lossless H.264, or lossless FFV1 (.mkv, .avi)."""
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
        with open_sink(
            options.out,
            header.width,
            header.height,
            header.rate,
            codec=options.codec,
            display_aspect=aspect,
            overwrite=options.force,
        ) as sink:
            count = 0
            for frame in counted(frames, total, "decoding"):
                sink.write(frame)
                count += 1
        if decoder.reader.index_damaged:
            reason = "its index is missing or damaged; chunks were found by their own lengths"
            print(f"warning: {options.file}: {reason}", file=sys.stderr)
        for reason in decoder.damaged.values():
            print(f"skipped: {reason}", file=sys.stderr)
    print(f"{options.out}: {count} frames of {header.width}x{header.height} at {header.rate} fps")
