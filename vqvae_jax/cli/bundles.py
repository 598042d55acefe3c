"""Which bundle a command uses."""

import os
from pathlib import Path

from vqvae_jax.cli.packaged import DEFAULT, named_digest, packaged
from vqvae_jax.codec.interface import Model
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model

VARIABLE = "VQVAE_JAX_BUNDLE"


def bundle_path(given: Path | None) -> Path:
    """The file of the bundle given, else of `$VQVAE_JAX_BUNDLE`, else of the package's default.

    Args:
      given: a file, or the name of a bundle of the package; so may the variable be.

    Raises:
      UserError: if there is none, or the name is a file's too.
    """
    if named := given or os.environ.get(VARIABLE):
        return _named(str(named))
    if DEFAULT not in packaged():
        raise UserError(f"give the model with --bundle FILE or ${VARIABLE} (vqvae-jax export makes one from a run)")
    return packaged()[DEFAULT]


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


def find_bundle(given: Path | None) -> Model:
    """`bundle_path`, loaded.

    Raises:
      UserError: if there is none, or it cannot be read.
    """
    return load_model(bundle_path(given))


def find_coded_with(given: Path | None, digest: str, coded: Path) -> Model:
    """The bundle given; else that of `$VQVAE_JAX_BUNDLE` or of the package whose digest begins so.

    Args:
      given: whoever reads the file refuses it if it is another one.
      digest: its first digits, as the file names them.
      coded: the file, for messages.

    Raises:
      UserError: if none does, or it cannot be read.
    """
    if given is not None:
        return find_bundle(given)
    for path in [bundle_path(None), *packaged().values()]:
        if named_digest(path).startswith(digest):
            return load_model(path)
    others = f"the package's ({', '.join(packaged())})" + (f" nor ${VARIABLE}'s" if os.environ.get(VARIABLE) else "")
    raise UserError(
        f"{coded}: was coded with bundle {digest[:16]}, which is none of {others}; give its file with --bundle"
    )


def find_for_file(given: Path | None, coded: Path) -> Model:
    """The bundle for an .msv file, as `find_coded_with`.

    Raises:
      UserError: if the file cannot be read, or `find_bundle` raises.
    """
    with Reader(coded) as reader:
        identity = reader.header.bundle.hex()
    return find_coded_with(given, identity, coded)
