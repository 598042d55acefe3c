"""`vqvae-jax compare`."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from vqvae_jax.cli.source_options import bytes_of
from vqvae_jax.codec.comparison import compare
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.packaged import find_for_file, needs_bundle
from vqvae_jax.progress import counted
from vqvae_jax.video.source import open_source


@dataclass(frozen=True)
class Options:
    """Measures PSNR and SSIM of a video against one of its size and length, and bytes and bits per pixel of both."""

    reference: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="REFERENCE")]
    """Video file, .msv, .npy or folder of PNG pictures."""
    estimate: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="ESTIMATE")]
    """The same kinds."""
    bundle: Path | None = None
    """The model that .msv files were coded with; default: the one of the package that fits, else $VQVAE_JAX_BUNDLE."""
    json: bool = False
    """Print the result as JSON."""


def run(options: Options) -> None:
    """Compares; prints the figures.

    Raises:
      UserError: if one cannot be read, or sizes or lengths differ.
    """
    both = options.reference, options.estimate
    coded = {path for path in both if is_coded(path) and needs_bundle(path)}
    if options.bundle is not None and not coded:
        raise UserError(
            f"bundle={options.bundle} is for .msv files; {options.reference} and {options.estimate} are none that "
            "need one"
        )
    with contextlib.ExitStack() as stack:
        sides = [opened(stack, path, options.bundle if path in coded else None) for path in both]
        try:
            found = compare(counted(sides[0], None, "comparing"), sides[1])
        except UserError as error:
            raise UserError(f"{options.reference} and {options.estimate}: {error}") from error
    pixels = found.frames * found.width * found.height
    files = {}
    for role, path in (("reference", options.reference), ("estimate", options.estimate)):
        size = bytes_of(path)
        files[role] = {"file": str(path), "bytes": size, "bpp": 8 * size / pixels}
    facts = {
        "frames": found.frames,
        "width": found.width,
        "height": found.height,
        "psnr": found.psnr,
        "ssim": found.ssim,
        "lossless_frames": found.lossless_frames,
        **files,
    }
    if options.json:
        print(json.dumps(facts, indent=1))
        return
    ssim = "no SSIM under 7 pixels" if found.ssim is None else f"SSIM {found.ssim:.4f}"
    say(
        f"{number_of(found.frames, 'frame')} of {found.width}x{found.height}: PSNR {found.psnr:.2f} dB "
        f"(frames capped at 100, {found.lossless_frames} lossless), {ssim}"
    )
    for role, entry in files.items():
        say(f"{role} {entry['file']}: {entry['bytes']:,} bytes, {entry['bpp']:.4f} bpp")


def is_coded(path: Path) -> bool:
    """Whether a file's name says that it is one of ours."""
    return path.suffix.lower() == ".msv"


def opened(stack: contextlib.ExitStack, path: Path, bundle: Path | None) -> Iterator[np.ndarray]:
    """Frames of any kind of video."""
    if is_coded(path):
        return stack.enter_context(Decoder(find_for_file(bundle, path), path)).frames()
    return stack.enter_context(open_source(path)).frames()
