"""MS-VQ-VAE as one of the families (`vqvae_jax.families.Family`); what is heavy is imported when it is used."""

from typing import TYPE_CHECKING, Any

from vqvae_jax.container.header import Header

if TYPE_CHECKING:
    from vqvae_jax.codec.bundle import Bundle
    from vqvae_jax.msvqvae.codec.model import CodecModel


def __getattr__(name: str) -> Any:
    """`Experiment`: what `info` and `decode` need nothing of, and what it imports takes long."""
    if name != "Experiment":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vqvae_jax.msvqvae.experiment import Experiment

    return Experiment


def model(bundle: "Bundle") -> "CodecModel":
    """A bundle ready to code with.

    Raises:
      UserError: if its content does not fit the family.
    """
    from vqvae_jax.msvqvae.codec.model import CodecModel

    return CodecModel(bundle)


def fit(*arguments: Any, **options: Any) -> "Bundle":
    """A checkpoint's bundle; see `msvqvae.codec.fit.fit`."""
    from vqvae_jax.msvqvae.codec.fit import fit as fit_bundle

    return fit_bundle(*arguments, **options)


def describe(header: Header) -> dict[str, Any]:
    """What the family's part of a file's header says, as JSON values; needs no model.

    Raises:
      UserError: if it is not valid.
    """
    from vqvae_jax.msvqvae.codec.layout import Layout

    return Layout.parse(header).describe()
