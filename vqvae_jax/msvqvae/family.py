"""MS-VQ-VAE as one of the families (`vqvae_jax.families.TrainedFamily`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from vqvae_jax.deferred import deferred

if TYPE_CHECKING:
    from vqvae_jax.msvqvae.experiment import Experiment
    from vqvae_jax.msvqvae.train import MSVQVAETask
    from vqvae_jax.training.task import Purpose

__getattr__ = deferred(
    "vqvae_jax.msvqvae",
    {
        "Experiment": ("experiment", "Experiment"),
        "Layout": ("codec.layout", "Layout"),
        "cost": ("count", "cost"),
        "start": ("codec.weights", "start"),
        "model": ("codec.model", "CodecModel"),
        "arrays": ("codec.model", "model_of_snapshot"),
        "fit": ("codec.fit", "fit"),
        "onnx_decoder": ("codec.onnx_decoder", "onnx_decoder"),
    },
)


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
