"""Finding and loading the VGG-16 trunk, with its digest and provenance."""

import hashlib
import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.losses.vgg import PREPROCESSINGS, VggTrunk
from vqvae_jax.losses.vgg_files import SUFFIXES, Weights, expected_shapes, open_trunk_file

ENVIRONMENT = "VQVAE_JAX_WEIGHTS"


def find_vgg_weights(path: str | os.PathLike[str] | None = None) -> Path | None:
    """The file to load: `path`, else `$VQVAE_JAX_WEIGHTS`, else None. A folder must hold exactly one suitable file.

    Raises:
      UserError: if what was named does not exist, or a folder holds no suitable file or several.
    """
    source = "--vgg-weights" if path else f"${ENVIRONMENT}"
    named = path or os.environ.get(ENVIRONMENT)
    if not named:
        return None
    place = Path(named)
    try:
        place.stat()
        files = sorted(p for p in place.iterdir() if p.suffix in SUFFIXES) if place.is_dir() else None
    except OSError as error:
        raise UserError(f"VGG weights: {source} names {place}: {error.strerror}") from error
    if files is None:
        return place
    suitable, reasons = [], []
    for file in files:
        try:
            open_trunk_file(file)
            suitable.append(file)
        except UserError as error:
            reasons.append(str(error))
    if len(suitable) == 1:
        return suitable[0]
    if suitable:
        names = ", ".join(file.name for file in suitable)
        raise UserError(
            f"VGG weights: {source} names the folder {place} with several suitable files; name one: {names}"
        )
    seen = f" ({len(reasons)} looked at; first: {reasons[0]})" if reasons else ""
    raise UserError(f"VGG weights: {source} names the folder {place}, which holds no VGG-16 .npz or .safetensors{seen}")


def require_vgg(path: str | os.PathLike[str] | None = None) -> VggTrunk:
    """Finds and loads the trunk.

    Raises:
      UserError: as `find_vgg_weights` and `load_vgg`, or, if nothing was named, one that says what to do.
    """
    found = find_vgg_weights(path)
    if found is None:
        raise UserError(
            "VGG weights: the perceptual loss (loss.gamma > 0) needs VGG-16 weights. Pass --vgg-weights FILE or set "
            f"${ENVIRONMENT} (.npz or .safetensors; `python -m experiments.convert_vgg` makes them from torchvision's "
            ".pth), or train with gamma 0"
        )
    return load_vgg(found)


def load_vgg(path: str | os.PathLike[str]) -> VggTrunk:
    """Loads and checks a trunk.

    Raises:
      UserError: if the file cannot be read, a layer is missing, has another shape or type, or holds a non-finite value.
    """
    file = Path(path)
    opened = open_trunk_file(file)
    weights = opened.read()
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise UserError(f"{file}: {name} holds values that are not finite")
    preprocessing = opened.texts.get("preprocessing", "imagenet")
    if preprocessing not in PREPROCESSINGS:
        allowed = ", ".join(PREPROCESSINGS)
        raise UserError(f"{file}: preprocessing={preprocessing!r} is not known; expected one of {allowed}")
    with file.open("rb") as stream:
        file_digest = hashlib.file_digest(stream, "sha256").hexdigest()
    provenance = f"{file.name} (sha256 {file_digest}): {opened.texts.get('provenance', 'no provenance inside')}"
    arrays = {name: jnp.asarray(array) for name, array in weights.items()}
    return VggTrunk(arrays, trunk_digest(weights, preprocessing), provenance, preprocessing)


def trunk_digest(weights: Weights, preprocessing: str) -> str:
    """sha256 over preprocessing and, in layer order, names, shapes and little-endian float32 values."""
    digest = hashlib.sha256(preprocessing.encode())
    for name in expected_shapes():
        digest.update(f"{name}{weights[name].shape}".encode())
        digest.update(np.ascontiguousarray(weights[name], dtype="<f4").tobytes())
    return digest.hexdigest()
