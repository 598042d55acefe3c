"""The VGG-16 trunk's weights: finding and loading them, with digest and provenance; headers are read before arrays.

npz, in our names: `conv1_1/kernel` [3, 3, in, out], `conv1_1/bias` [out], ..., `conv3_3/bias`; optional text entries
`provenance` and `preprocessing` (imagenet | caffe). safetensors, in torchvision's (and timm's): `features.0.weight`
[out, in, 3, 3], `features.0.bias`, ...; the same two texts in the metadata. Further layers are left unread.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.losses.npz_weights import Shape, read_arrays, read_headers
from vqvae_jax.losses.vgg import CONVOLUTIONS, PREPROCESSINGS, VggTrunk

ENVIRONMENT = "VQVAE_JAX_WEIGHTS"
SUFFIXES = (".npz", ".safetensors")
#: Index of each convolution in torchvision's `vgg16().features`, which timm keeps.
TORCHVISION_INDEX = dict(zip(CONVOLUTIONS, (0, 2, 5, 7, 10, 12, 14), strict=True))
Weights = dict[str, np.ndarray]


class TrunkFile(NamedTuple):
    """A weight file whose header fits VGG-16; its arrays are still unread."""

    read: Callable[[], Weights]  # our names, HWIO, float32
    texts: dict[str, str]  # provenance, preprocessing, where the file holds them


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


def open_trunk_file(file: Path) -> TrunkFile:
    """Reads the header and compares names and shapes with VGG-16's, before any array is read.

    Raises:
      UserError: if the file is not of either format, cannot be read, lacks a layer or has one of another shape.
    """
    try:
        if file.suffix == ".npz":
            return _open_npz(file)
        if file.suffix == ".safetensors":
            return _open_safetensors(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror or error}") from error
    raise UserError(f"{file}: VGG weights must be .npz or .safetensors; convert a .pth with experiments.convert_vgg")


def expected_shapes() -> dict[str, Shape]:
    """Our names and shapes, in layer order."""
    shapes: dict[str, Shape] = {}
    for name, (inputs, outputs) in CONVOLUTIONS.items():
        shapes |= {f"{name}/kernel": (3, 3, inputs, outputs), f"{name}/bias": (outputs,)}
    return shapes


def torchvision_name(name: str) -> str:
    """`conv1_2/kernel` -> `features.2.weight`."""
    layer, part = name.split("/")
    return f"features.{TORCHVISION_INDEX[layer]}.{'weight' if part == 'kernel' else 'bias'}"


def torchvision_axes(shape: Shape) -> Shape:
    """[3, 3, in, out] -> [out, in, 3, 3]; biases stay."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape


def from_torchvision(array: np.ndarray) -> np.ndarray:
    """OIHW -> HWIO; biases stay. Returns float32."""
    hwio = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return np.ascontiguousarray(hwio, dtype=np.float32)


def _open_npz(file: Path) -> TrunkFile:
    headers = read_headers(file)
    texts = [name for name in ("provenance", "preprocessing") if name in headers]
    for name in texts:
        shape, dtype = headers[name]
        if dtype.kind != "U" or shape or dtype.itemsize > 2**16:
            raise UserError(f"{file}: not a readable .npz file ({name} is not a short text)")
    _check(file, {name: head.shape for name, head in headers.items() if head.dtype.kind == "f"}, expected_shapes())

    def read() -> Weights:
        return {name: array.astype(np.float32) for name, array in read_arrays(file, expected_shapes()).items()}

    return TrunkFile(read, {name: str(array) for name, array in read_arrays(file, texts).items()})


def _open_safetensors(file: Path) -> TrunkFile:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise UserError(f"{file}: reading it needs safetensors; install it with: pip install safetensors") from error
    ours = {torchvision_name(name): name for name in expected_shapes()}
    try:
        with safe_open(file, framework="numpy") as tensors:
            present = sorted(ours.keys() & set(tensors.keys()))
            shapes = {name: tuple(tensors.get_slice(name).get_shape()) for name in present}
            kinds = {tensors.get_slice(name).get_dtype() for name in present}
            texts = tensors.metadata() or {}
    except SafetensorError as error:
        raise UserError(f"{file}: not a readable .safetensors file ({error})") from error
    _check(file, shapes, {torchvision_name(name): torchvision_axes(s) for name, s in expected_shapes().items()})
    if not kinds <= {"F16", "F32", "F64"}:
        raise UserError(f"{file}: weights of type {', '.join(sorted(kinds))}; expected F32 (or F16, F64)")

    def read() -> Weights:
        with safe_open(file, framework="numpy") as tensors:
            arrays = {name: tensors.get_tensor(theirs) for theirs, name in ours.items()}
        return {name: from_torchvision(arrays[name]) for name in expected_shapes()}

    return TrunkFile(read, texts)


def _check(file: Path, shapes: dict[str, Shape], wanted: dict[str, Shape]) -> None:
    for name, shape in wanted.items():
        if name not in shapes:
            raise UserError(f"{file}: lacks {name} in floating point; VGG-16 up to relu3_3 needs conv1_1 to conv3_3")
        if shapes[name] != shape:
            raise UserError(f"{file}: {name} has shape {shapes[name]}; VGG-16 has {shape}")
