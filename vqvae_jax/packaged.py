"""Which bundle is meant: by a name of the package, a file, `$VQVAE_JAX_BUNDLE`, or what a coded file says."""

import json
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError

if TYPE_CHECKING:  # what names bundles loads none: `vqvae-jax info` starts without JAX
    from vqvae_jax.codec.interface import Model

VARIABLE = "VQVAE_JAX_BUNDLE"
FOLDER = Path(__file__).parent / "bundles"
DEFAULT = "ntc"
TOKENS = "edge"  # the default where tokens are wanted
LARGEST_HEADER = 2**20  # bytes; those of the package have a few thousand


def packaged() -> dict[str, Path]:
    """Files of the package's bundles by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def called(path: Path) -> str:
    """A bundle as a user would name it: one of the package by its name, another by its file."""
    return next((name for name, file in packaged().items() if file == path), str(path))


def named_digest(path: Path) -> str:
    """The digest that a bundle's header names, unverified and without reading its tensors; empty if it is no bundle.

    Reads the beginning of a safetensors file (length, then JSON) itself: `info` needs no model and loads no library.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= LARGEST_HEADER else {}
        digest = header["__metadata__"]["digest"]
    except (OSError, ValueError, RecursionError, struct.error, KeyError, TypeError):
        return ""
    return digest if isinstance(digest, str) else ""


def name_of(identity: str) -> str | None:
    """Which of the package's a coded file names; none if it is another one.

    Args:
      identity: the first digits of its digest.
    """
    return next((name for name, path in packaged().items() if named_digest(path).startswith(identity)), None)


def bundle_path(given: str | Path | None, default: str | None = None) -> Path:
    """The file of the bundle given, else of `$VQVAE_JAX_BUNDLE`, else of the package's default.

    Args:
      given: a file, or the name of a bundle of the package; so may the variable be.
      default: name of the bundle of the package that is meant where nothing is given, if it is another than `DEFAULT`.

    Raises:
      UserError: if there is none, the name is empty, or it is a file's too.
    """
    if given == "":
        raise UserError("bundle: the name is empty; leave it out for the default")
    if named := given or os.environ.get(VARIABLE):
        return _named(str(named))
    default = default or DEFAULT
    if default not in packaged():
        raise UserError(f"give the model with --bundle FILE or ${VARIABLE} (vqvae-jax export makes one from a run)")
    return packaged()[default]


def _named(name: str) -> Path:
    found, path = packaged().get(name), Path(name)
    if found is None and not path.exists():
        raise UserError(
            f"bundle {name}: no such file, and the package has {', '.join(packaged())} only "
            "(vqvae-jax export MODEL.safetensors --run DIR makes one)"
        )
    if found is not None and path.is_file():
        raise UserError(f"bundle {name}: is a file here and the name of a bundle of the package; rename the file")
    return found or path


def path_for_digest(digest: str, coded: object) -> Path:
    """The file of the bundle, the package's or `$VQVAE_JAX_BUNDLE`'s, whose digest begins so.

    Args:
      digest: its first digits, as a coded file names them.
      coded: that file, for messages.

    Raises:
      UserError: if none does.
    """
    for path in packaged().values():
        if named_digest(path).startswith(digest):
            return path
    others = f"the package's ({', '.join(packaged())})"
    if named := os.environ.get(VARIABLE):
        if (path := Path(named)).is_file() and named_digest(path).startswith(digest):
            return path
        others += f" nor ${VARIABLE}'s ({named})"
    raise UserError(
        f"{coded}: was coded with bundle {digest[:16]}, which is none of {others}; give its file with --bundle"
    )


def find_bundle(given: Path | None, default: str | None = None) -> "Model":
    """`bundle_path`, loaded.

    Raises:
      UserError: if there is none, or it cannot be read.
    """
    from vqvae_jax.families import load_model

    return load_model(bundle_path(given, default))


def find_coded_with(given: Path | None, digest: str, coded: Path) -> "Model":
    """The bundle given, else `path_for_digest`'s; whoever reads the file refuses it if it is another one.

    Raises:
      UserError: if there is none, or it cannot be read.
    """
    return find_bundle(path_for_digest(digest, coded) if given is None else given)


def find_for_file(given: Path | None, coded: Path) -> "Model":
    """The model that an .msv file brings along; else the bundle given, else the one that the file names.

    Raises:
      UserError: if the file or the bundle cannot be read, there is none, or one is given to a file that needs none.
    """
    from vqvae_jax.families import carried_model

    with Reader(coded) as reader:
        header = reader.header
    if header.brings_model:
        if given is not None:
            raise UserError(f"bundle={given}: {coded} brings its model along; leave it out")
        return carried_model(header, coded)
    return find_coded_with(given, header.bundle.hex(), coded)


def needs_bundle(coded: Path) -> bool:
    """Whether an .msv file is decoded by a bundle, not by itself.

    Raises:
      UserError: if it cannot be read.
    """
    with Reader(coded) as reader:
        return not reader.header.brings_model
