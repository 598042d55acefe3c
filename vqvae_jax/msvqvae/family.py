"""MS-VQ-VAE as one of the families (`vqvae_jax.families.Family`)."""

from pathlib import Path
from typing import Any

from vqvae_jax.msvqvae.experiment import Experiment

__all__ = ["Experiment", "task"]


def task(experiment: Experiment, steps: int, weights: Path | None = None, train: bool = True) -> Any:
    """The experiment's `Task`; training with gamma > 0 needs the VGG-16 trunk.

    Raises:
      UserError: if it is not to be found.
    """
    from vqvae_jax.losses.vgg_weights import require_vgg
    from vqvae_jax.msvqvae.train import MSVQVAETask

    trunk = require_vgg(weights) if train and experiment.loss.gamma > 0 else None
    return MSVQVAETask(experiment, steps, trunk)
