"""Which bundle a command uses."""

import os
from pathlib import Path

from vqvae_jax.codec.bundle import Bundle, load_bundle
from vqvae_jax.errors import UserError

VARIABLE = "VQVAE_JAX_BUNDLE"
PACKAGED = Path(__file__).parents[1] / "bundles" / "edge.safetensors"


def find_bundle(given: Path | None) -> Bundle:
    """The bundle given, else `$VQVAE_JAX_BUNDLE`, else the one that comes with the package.

    Raises:
      UserError: if there is none, or it cannot be read.
    """
    return load_bundle(given or usual_bundle())


def usual_bundle() -> Path:
    """`$VQVAE_JAX_BUNDLE`, else the bundle that comes with the package.

    Raises:
      UserError: if there is none.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named)
    if not PACKAGED.is_file():
        raise UserError(f"give the model with --bundle FILE or ${VARIABLE} (vqvae-jax export makes one from a run)")
    return PACKAGED
