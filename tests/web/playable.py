"""Which of the package's models browsers can decode."""

from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.packaged import packaged
from vqvae_jax.web.pack import PLAYED


def playable() -> list[str]:
    """Their names."""
    return [name for name, path in packaged().items() if read_bundle(path).family in PLAYED]
