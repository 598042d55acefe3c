"""Converts torchvision's VGG-16 weights to the form the perceptual loss reads, keeping the layers up to relu3_3.

    python -m experiments.convert_vgg vgg16-397923af.pth vgg16.npz
    python -m experiments.convert_vgg vgg16-397923af.pth vgg16.safetensors

Reads the .pth with torch's `weights_only=True`, so that no code in it can run; only this needs torch. A trunk that is
.npz or .safetensors already (timm's, say) is written in the other form without torch.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # only the name of what torch raises; nothing is unpickled here
from typing import Annotated

import numpy as np
import tyro

from vqvae_jax.command_line import parse
from vqvae_jax.errors import ExistsError, UserError, run_command, say
from vqvae_jax.files import refuse_existing, write_atomically
from vqvae_jax.losses.vgg import Preprocessing
from vqvae_jax.losses.vgg_weights import (
    SUFFIXES,
    Weights,
    expected_shapes,
    from_torchvision,
    load_vgg,
    open_trunk_file,
    torchvision_axes,
    torchvision_name,
)

TORCH_SUFFIXES = (".pth", ".pt")
#: What torch's restricted reader of legacy files raises on damaged or foreign ones.
UNREADABLE = (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, struct.error)


@dataclass(frozen=True)
class ConvertCommand:
    """Converts torchvision's VGG-16 weights to the form that the perceptual loss reads: the layers up to relu3_3."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    """torchvision's .pth (a state dict with features.0.weight, ...), .npz or .safetensors."""
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TARGET")]
    """The file to write: .npz or .safetensors."""
    provenance: str | None = None
    """Where the weights come from, in words; default: the source's name."""
    preprocessing: Preprocessing | None = None
    """What the trunk expects; default: the source's, or imagenet."""
    force: bool = False
    """Overwrite an existing file."""


def convert(command: ConvertCommand) -> None:
    """Converts, and says what was written.

    Raises:
      UserError: about the source or the target.
    """
    source, target = command.source, command.target
    if target.suffix not in SUFFIXES:
        raise UserError(f"{target}: the target must end in {' or '.join(SUFFIXES)}")
    try:
        refuse_existing(target, command.force)
    except ExistsError as error:
        raise UserError(f"{error} with --force") from error
    digest = digest_source(source)
    if source.suffix in TORCH_SUFFIXES:
        weights, texts = read_pth(source), {}
    else:
        opened = open_trunk_file(source)
        weights, texts = opened.read(), opened.texts
    told = command.provenance or texts.get("provenance") or source.name
    texts = {
        "provenance": f"{told}; converted from a {source.suffix} of sha256 {digest}",
        "preprocessing": command.preprocessing or texts.get("preprocessing", "imagenet"),
    }
    write_trunk(weights, texts, target)
    trunk = load_vgg(target)
    say(f"{target}: {sum(array.size for array in weights.values()):,} parameters, digest {trunk.digest}")


def digest_source(source: Path) -> str:
    """SHA-256 of a file that can be converted.

    Raises:
      UserError: if its ending is not known or it cannot be read; before anybody is asked to install torch.
    """
    if source.suffix not in (*TORCH_SUFFIXES, *SUFFIXES):
        raise UserError(f"{source}: the source must end in {', '.join((*TORCH_SUFFIXES, *SUFFIXES))}")
    try:
        with source.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error.strerror or error}") from error


def read_pth(source: Path) -> Weights:
    """The trunk's layers of a torchvision state dict, in our names and layout (HWIO), float32.

    Raises:
      UserError: without torch, or if the file is not such a state dict.
    """
    try:
        import torch
    except ImportError as error:
        raise UserError("reading a .pth needs torch; install it with: pip install torch") from error
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error.strerror or error}") from error
    except UNREADABLE as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{source}: torch cannot load it with weights_only=True ({reason})") from error
    weights = {}
    for name, shape in expected_shapes().items():
        theirs = torchvision_name(name)
        tensor = state.get(theirs) if isinstance(state, dict) else None
        if not isinstance(tensor, torch.Tensor):
            raise UserError(f"{source}: not a VGG-16 state dict of torchvision's: it has no tensor {theirs}")
        if tuple(tensor.shape) != torchvision_axes(shape):
            raise UserError(f"{source}: {theirs} has shape {tuple(tensor.shape)}; VGG-16 has {torchvision_axes(shape)}")
        weights[name] = from_torchvision(tensor.float().numpy())
    return weights


def write_trunk(weights: Weights, texts: dict[str, str], target: Path) -> None:
    """Writes .npz (our names) or .safetensors (torchvision's); the target appears whole or not at all.

    Args:
      weights: our names, HWIO.
      texts: `provenance` and `preprocessing`.

    Raises:
      UserError: if the folder does not exist or cannot be written.
    """
    if target.suffix == ".npz":
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **weights, **{name: np.array(text) for name, text in texts.items()})
        write_atomically(target, content.getvalue())
    else:
        from safetensors.numpy import save

        oihw = {name: array.transpose(3, 2, 0, 1) if array.ndim == 4 else array for name, array in weights.items()}
        arrays = {torchvision_name(name): np.ascontiguousarray(array) for name, array in oihw.items()}
        write_atomically(target, save(arrays, metadata=texts))


def main() -> None:
    convert(parse(ConvertCommand, "python -m experiments.convert_vgg"))


if __name__ == "__main__":
    run_command("convert_vgg", main)
