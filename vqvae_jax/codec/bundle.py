"""A trained model in one `.safetensors` file: tensors, configuration, where it comes from, and a digest of all.

Versions 1 and 2 name no family: they are of the one that was there before families had names, and differ in the tables
of its entropy coder. Version 3 names its family. What configuration and tensors mean is the family's affair.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from vqvae_jax.config import check_choice
from vqvae_jax.errors import UserError
from vqvae_jax.files import refuse_existing, write_atomically

FORMAT = "vqvae_jax bundle"
NAMELESS, NAMED = ("1", "2"), "3"  # versions
MAX_BYTES = 4 * 2**30
WeightType = Literal["bfloat16", "float32"]


class Bundle(NamedTuple):
    """What the file holds; made by `make_bundle` or `read_bundle`."""

    name: str  # of the experiment it comes from
    family: str  # empty in versions 1 and 2
    version: str
    config: dict[str, Any]  # JSON values
    tensors: dict[str, np.ndarray]  # by path; weights below weights/
    origin: dict[str, Any]  # JSON values: step, checkpoint and data digests
    weights: WeightType  # how they are stored
    digest: str  # SHA-256, hexadecimal, of all but `name` and `origin`
    path: Path | None = None  # of the file that it was read from

    @property
    def identity(self) -> bytes:
        """The eight bytes by which a coded file names its bundle."""
        return bytes.fromhex(self.digest[:16])


def make_bundle(
    name: str,
    family: str,
    version: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    origin: Mapping[str, Any],
    weights: WeightType = "bfloat16",
) -> Bundle:
    """A bundle with its digest; the arguments are its fields."""
    check_choice("weights", weights, get_args(WeightType))
    if (version == NAMED) != bool(family):
        raise ValueError(f"a bundle of version {version} of family {family!r}; version {NAMED} alone names one")
    whole = {key: np.asarray(value, order="C") for key, value in tensors.items()}  # keeps scalars scalar
    digest = _digest(version, family, json.dumps(dict(config), sort_keys=True), whole)
    return Bundle(name, family, version, dict(config), whole, dict(origin), weights, digest)


def save_bundle(path: str | Path, bundle: Bundle, overwrite: bool = False) -> None:
    """Writes a bundle in one rename.

    Raises:
      UserError: if the file exists and `overwrite` is not given, or it cannot be written.
    """
    from safetensors.numpy import save

    path = Path(path)
    refuse_existing(path, overwrite)
    metadata = {
        "format": FORMAT,
        "format_version": bundle.version,
        "name": bundle.name,
        "model": json.dumps(bundle.config, sort_keys=True),
        "weights": bundle.weights,
        "origin": json.dumps(bundle.origin, sort_keys=True),
        "tensors": json.dumps({key: _signature(value) for key, value in bundle.tensors.items()}, sort_keys=True),
    } | ({"family": bundle.family} if bundle.family else {})
    write_atomically(path, save(bundle.tensors, metadata | {"digest": bundle.digest}))


def read_bundle(path: str | Path) -> Bundle:
    """Reads and verifies a bundle.

    Raises:
      UserError: names what is wrong: no bundle, another format version, a tensor missing or of another shape, a digest
        that does not fit.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        raise UserError(f"{path}: is not a bundle of vqvae_jax; make one with `vqvae-jax export`")
    version, family = metadata.get("format_version"), metadata.get("family", "")
    if version is None or version not in (*NAMELESS, NAMED):
        readable = f"{', '.join(NAMELESS)} and {NAMED}"
        raise UserError(f"{path}: bundle format {version!r}; this program reads {readable}; update it or export again")
    if (version == NAMED) != bool(family):
        raise UserError(f"{path}: bundle format {version} of family {family!r}; the file is damaged, export it again")
    listed = _json(path, metadata, "tensors")
    for key, signature in listed.items():
        if key not in tensors:
            raise UserError(f"{path}: tensor {key} is missing; the file is damaged, export it again")
        if _signature(tensors[key]) != signature:
            raise UserError(f"{path}: tensor {key} is {_signature(tensors[key])}, not {signature}; export it again")
    if _digest(version, family, metadata.get("model"), tensors) != metadata.get("digest"):
        raise UserError(f"{path}: the digest does not fit the content; the file is damaged, export it again")
    weights: WeightType = "float32" if metadata.get("weights") == "float32" else "bfloat16"
    config, origin = (_json(path, metadata, key) for key in ("model", "origin"))
    name, digest = metadata.get("name", ""), metadata["digest"]
    return Bundle(name, family, version, config, tensors, origin, weights, digest, path)


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        state = "is not a file" if path.exists() else "does not exist"
        raise UserError(f"bundle {path} {state}; `vqvae-jax export MODEL.safetensors --run DIR` makes one of a run")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: {path.stat().st_size} bytes is no bundle of ours")
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: is no readable .safetensors file ({error})") from error


def _json(path: Path, metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        value = json.loads(metadata.get(key, ""))
    except ValueError as error:
        raise UserError(f"{path}: metadata {key} is no JSON ({error}); export the bundle again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: metadata {key} is no JSON object; export the bundle again")
    return value


def _digest(version: str, family: str, config: str | None, tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over version, family, configuration and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(f"{version} {family} {config} ".encode() if family else f"{version} {config} ".encode())
    for key in sorted(tensors):
        digest.update(f"{key} {_signature(tensors[key])} ".encode())
        digest.update(np.ascontiguousarray(tensors[key]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _signature(array: np.ndarray) -> str:
    return f"{array.dtype.name}{list(array.shape)}"
