"""ENVC as one of the families (`vqvae_jax.families.TrainedFamily`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from vqvae_jax.deferred import deferred

if TYPE_CHECKING:
    from vqvae_jax.envc.experiment import Experiment
    from vqvae_jax.envc.train import EnvcTask
    from vqvae_jax.training.task import Purpose

__getattr__ = deferred(
    "vqvae_jax.envc",
    {
        "Experiment": ("experiment", "Experiment"),
        "Layout": ("codec.layout", "Layout"),
        "cost": ("count", "cost"),
        "start": ("codec.weights", "start"),
        "model": ("codec.model", "EnvcModel"),
        "fit": ("codec.fit", "fit"),
    },
)


def task(
    experiment: "Experiment", steps: int, weights: Path | None = None, purpose: "Purpose" = "training"
) -> "EnvcTask":
    """The experiment's `Task`; it needs no frozen network."""
    from vqvae_jax.envc.train import EnvcTask

    return EnvcTask(experiment, steps)
