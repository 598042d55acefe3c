"""MS-VQ-VAE as one of the families (`vqvae_jax.families.Family`); what is heavy is imported when it is used."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqvae_jax.container.header import Header

if TYPE_CHECKING:
    from vqvae_jax.codec.bundle import Bundle
    from vqvae_jax.msvqvae.experiment import Experiment
    from vqvae_jax.msvqvae.train import MSVQVAETask
    from vqvae_jax.training.task import Cost, Purpose, Triple

#: What a family has that is here under another roof: module and name.
_ELSEWHERE = {
    "Experiment": ("experiment", "Experiment"),
    "model": ("codec.model", "CodecModel"),
    "arrays": ("codec.model", "model_of_snapshot"),
    "fit": ("codec.fit", "fit"),
}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: `info` needs no JAX, which these import."""
    if name not in _ELSEWHERE:
        raise AttributeError(name)
    module, name = _ELSEWHERE[name]
    return getattr(importlib.import_module(f"vqvae_jax.msvqvae.{module}"), name)


def task(
    experiment: "Experiment", steps: int, weights: Path | None = None, purpose: "Purpose" = "training"
) -> "MSVQVAETask":
    """The experiment's `Task`; training with gamma > 0 needs the VGG-16 trunk.

    Raises:
      UserError: if it is not to be found.
    """
    from vqvae_jax.losses.vgg import trunk_shapes
    from vqvae_jax.losses.vgg_weights import require_vgg
    from vqvae_jax.msvqvae.train import MSVQVAETask

    trunk = None
    if experiment.loss.gamma > 0 and purpose != "reconstructing":
        trunk = require_vgg(weights) if purpose == "training" else trunk_shapes()
    return MSVQVAETask(experiment, steps, trunk)


def cost(experiment: "Experiment", clip_shape: "Triple") -> "Cost":
    """Parameters and multiply-accumulates for a clip of (frames, height, width)."""
    from vqvae_jax.msvqvae.count import cost

    return cost(experiment.model, clip_shape)


def start(bundle: "Bundle") -> tuple[Any, dict[str, Any]]:
    """Weights and codebooks of a bundle.

    Raises:
      UserError: if its content does not fit the family.
    """
    from vqvae_jax.msvqvae.codec.weights import unpack_weights

    weights = unpack_weights(bundle)
    return weights.params, {"codebooks": weights.codebooks}


def describe(header: Header) -> dict[str, Any]:
    """What the family's part of a file's header says, as JSON values; needs no model.

    Raises:
      UserError: if it is not valid.
    """
    from vqvae_jax.msvqvae.codec.layout import Layout

    return Layout.parse(header).describe()
