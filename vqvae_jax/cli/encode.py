"""`vqvae-jax encode`."""

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from vqvae_jax.cli.fitting import check_fitting, fit_line, fitted
from vqvae_jax.cli.source_options import (
    bytes_of,
    check_source,
    coded_size,
    frames_of,
    note,
    opened,
    parse_rate,
    shown_size,
)
from vqvae_jax.codec.comparison import Comparison, compare
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoded, Encoder
from vqvae_jax.codec.interface import Mode, Model, RateOption, check_chunk_pixels
from vqvae_jax.codec.rate_control import Chosen, Target, encode_to_size
from vqvae_jax.command_line import PIPE
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import fitted_family
from vqvae_jax.files import check_output, write_atomically
from vqvae_jax.packaged import find_bundle
from vqvae_jax.video.pipes import STDIN

RATE_HINTS: dict[RateOption, str] = {
    "rate_weight": "the model decides the bits; --rate-weight 0.05 asks for fewer",
    "quality": "quality 50; --quality, 0 to 100, or --target-bpp asks for others",
    "none": "the model decides the bits; another bundle has others",
}


@dataclass(frozen=True)
class Options:
    """Codes a video file to an .msv file.

    Models with a rate of their own choosing (`ntc`) take --quality or a target; those of one rate (`edge`, `edge4`)
    take --rate-weight; of family `envc` every bundle has the rate that it was trained for. A family whose files bring
    their model along is named by --family: coding a video is training a network for it, which takes hours.
    """

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="VIDEO")]
    """Video file, .npy of (T, H, W, 3) uint8, or folder of PNG pictures; - for Y4M or raw RGB from standard input."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.msv")]
    """The .msv file to write."""
    bundle: Path | None = None
    """The model: a bundle's file, or the name of one of the package; default: $VQVAE_JAX_BUNDLE, else `ntc`."""
    size: str = "model"
    """Coded size: `model` (what it was trained on; with --family the video's own), `native` (the video's own) or
    WIDTHxHEIGHT."""
    fps: str = "source"
    """Coded frame rate: `source`, a number, or a fraction such as 30000/1001."""
    source_fps: str | None = None
    """Frame rate of what keeps no times and names no rate: a .npy file, a folder of pictures, a raw pipe, a bare stream
    of a codec; default: 25."""
    source_size: str | None = None
    """WIDTHxHEIGHT of raw pictures from standard input, 24 bits RGB a pixel; Y4M names its own."""
    mode: Mode = "range"
    """How indices are written: entropy-coded, DEFLATE, or fixed length."""
    rate_weight: float = 0.0
    """What a bit is worth, 0 to 100: 0 sends the nearest codes; 0.02 saves about a seventh of the file for 0.1 dB, 0.1
    a third for 0.4 dB, 0.3 nearly half of it for 1.0 dB; takes longer."""
    quality: float | None = None
    """Rate and quality, 0 to 100, of models that have several; default: 50."""
    target_bpp: float | None = None
    """Bits per pixel of the whole file, within 2 %, by trying qualities; reads the video several times. Where no
    quality reaches it the nearest is written, with a warning."""
    target_bytes: int | None = None
    """The same target, in bytes."""
    family: str | None = None
    """A family that fits a model to this video and puts it into the file: `mvc`, with one of the next two options."""
    bpp: float | None = None
    """Bits per pixel of the whole file, within 5 % as a rule, for --family; what came out is printed beside it."""
    parameters: str | None = None
    """Parameters of the models of all scenes together, such as 1.8M, for --family."""
    epochs: int | None = None
    """How often the fit sees a frame, for --family; default: 300."""
    run: Path | None = None
    """Folder in which a fit that was stopped is gone on with, for --family; default: none is kept."""
    effort: int = 0
    """Rounds in which the encoder refines what it sends, for models that can: more quality for about the same bytes, 20
    at a fortieth of the speed, 60 at a ninetieth."""
    chunk_frames: Annotated[int | None, tyro.conf.arg(aliases=["--gop"])] = None
    """Frames per chunk or group of pictures, the unit of random access; default: the model's clip length, less above
    640x480; 16 with --family."""
    verify: bool = False
    """Decode the file that was written and report its quality against what was coded."""
    json: bool = False
    """Print the result as JSON."""
    force: bool = False
    """Overwrite an existing file."""


def run(options: Options) -> None:
    """Encodes; says what was done.

    Raises:
      UserError: about the source, the size, the bundle or the output.
    """
    if options.out.suffix.lower() != ".msv":
        raise UserError(f"{options.out}: the coded file's name must end in .msv")
    check_output(options.out, options.force)
    check_source(options)
    name, is_pipe = (STDIN, True) if options.source == PIPE else (options.source, False)
    rate = parse_rate(options.fps)
    check_fitting(options)
    bundle = find_bundle(options.bundle) if options.family is None else fitted_family(options.family).carried()
    target = None
    if options.target_bpp is not None or options.target_bytes is not None:
        target = Target(options.target_bpp, options.target_bytes)
        check_target(options, bundle)
    encoder = encoder_for(options, bundle, options.quality)
    with opened(options) as source:
        info = source.info
        width, height = coded_size(options.size, bundle, (info.width, info.height))
        # Before a picture of that size is made.
        check_chunk_pixels(options.out, encoder.chunk_frames(width, height), width, height)
        rate = info.rate if rate is None else rate
        of_model = options.size == "model" and all(bundle.clip)
        hint = " (the model's size; --size native keeps the video's)" if of_model else ""
        shape = f"{info.width}x{info.height} at {info.rate} fps"
        shape += "" if info.rate_stated else " (--source-fps; the source names none)"
        note(f"{name}: {shape}, coded at {width}x{height}, {rate} fps{hint}")
        asked = options.rate_weight or options.quality is not None or target or options.family
        bits = "" if asked else RATE_HINTS[bundle.rate_option]
        if said := "; ".join(filter(None, [bits, "audio is dropped" if info.has_audio else ""])):
            note(said)
        shown = shown_size(info.width, info.height, info.display_aspect)
        if target is None:
            together = encoder.chunk_frames(width, height)
            what = "encoding" if options.family is None else "reading"
            frames: Iterable[np.ndarray] = frames_of(source, rate, width, height, what, together)
            if options.family is not None:
                bundle, frames = fitted(options, frames)
                encoder = encoder_for(options, bundle, None)
            result = encoder.encode(frames, options.out, rate, shown, options.force)
        missing = source.missing_frames
    quality = options.quality
    if target is not None:
        chosen, missing = to_size(options, bundle, target, rate, (width, height), shown)
        check_output(options.out, options.force)  # somebody else may have written it in the meantime
        write_atomically(options.out, chosen.content)
        quality, result = chosen.quality, chosen.encoded
        if not chosen.reached:
            note(f"warning: {options.out}: {chosen.missed}")
    if missing:
        note(f"warning: {name}: {missing} pictures could not be decoded; the one before stays in their place")
    facts = report(options, result, rate, quality) | ({} if options.family is None else {"fit": bundle.origin})
    if target is not None:
        facts |= {"target_bytes": round(chosen.wanted), "target_reached": chosen.reached}
    if options.verify:
        measured = verify(options, bundle, rate, width, height)
        facts |= {"psnr": measured.psnr, "ssim": measured.ssim, "lossless_frames": measured.lossless_frames}
    if options.json:
        print(json.dumps(facts, indent=1))
    else:
        say(
            f"{options.out}: {result.bytes:,} bytes, {result.bpp:.4f} bpp, {facts['kbit_per_s']:.1f} kbit/s, "
            f"{number_of(result.frames, 'frame')} of {width}x{height}"
        )
        if options.family is not None:
            say(fit_line(bundle, result.bpp, options.bpp))
        if options.verify:
            ssim = "" if facts["ssim"] is None else f", SSIM {facts['ssim']:.4f}"
            say(f"decoded file against what was coded: PSNR {facts['psnr']:.2f} dB{ssim}")
    if not is_pipe and result.bytes > (size := bytes_of(Path(options.source))):
        note(f"warning: {options.out} is larger than {options.source} ({result.bytes:,} against {size:,} bytes)")


def encoder_for(options: Options, bundle: Model, quality: float | None) -> Encoder:
    """Of what was asked for, at a quality.

    Raises:
      UserError: if the model does not have it.
    """
    return Encoder(bundle, options.mode, options.chunk_frames, options.rate_weight, quality, options.effort)


def check_target(options: Options, bundle: Model) -> None:
    """Raises a `UserError` unless the model's rate can be chosen and the source read more than once."""
    if bundle.rate_option != "quality":
        asks = (
            "--rate-weight asks for fewer bits" if bundle.rate_option == "rate_weight" else "another bundle has others"
        )
        raise UserError(f"target: {bundle.name!r} has one rate; {asks}")
    if options.quality is not None:
        raise UserError("quality: a target chooses it; leave one of them out")
    if options.source == PIPE:
        raise UserError(f"{STDIN}: can be read once only, and a target needs several passes; encode a file")


def to_size(
    options: Options, bundle: Model, target: Target, rate: Fraction, size: tuple[int, int], shown: tuple[int, int]
) -> tuple[Chosen, int]:
    """The file of the wanted size, in memory; and how many frames of the source could not be decoded."""
    missing = 0

    def attempt(quality: float, out: io.BytesIO) -> Encoded:
        nonlocal missing
        with opened(options) as source:
            encoder = encoder_for(options, bundle, quality)
            together = encoder.chunk_frames(*size)
            frames = frames_of(source, rate, *size, f"encoding at quality {quality:.1f}", together)
            encoded = encoder.encode(frames, out, rate, shown)
            missing = source.missing_frames
        return encoded

    return encode_to_size(attempt, target), missing


def verify(options: Options, bundle: Model, rate: Fraction, width: int, height: int) -> Comparison:
    """Quality of the decoded file against the frames that were coded, read once more from the source."""
    with opened(options) as source, Decoder(bundle, options.out) as decoder:
        return compare(frames_of(source, rate, width, height, "verifying"), decoder.frames())


def report(options: Options, result: Encoded, rate: Fraction, quality: float | None) -> dict[str, Any]:
    """JSON values about the file."""
    return {
        "source": options.source,
        "source_bytes": None if options.source == PIPE else bytes_of(Path(options.source)),
        "file": str(options.out),
        "bytes": result.bytes,
        "payload_bytes": result.payload_bytes,
        "bpp": result.bpp,
        "kbit_per_s": 8e-3 * result.bytes * float(rate) / result.frames,
        "frames": result.frames,
        "width": result.width,
        "height": result.height,
        "fps": str(rate),
        "mode": options.mode,
        "rate_weight": options.rate_weight,
        "quality": quality,
        "effort": options.effort,
    }
