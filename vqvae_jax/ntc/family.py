"""NTC as one of the families (`vqvae_jax.families.TrainedFamily`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from vqvae_jax.deferred import deferred

if TYPE_CHECKING:
    from vqvae_jax.ntc.experiment import Experiment
    from vqvae_jax.ntc.train import NtcTask
    from vqvae_jax.training.task import Purpose

__getattr__ = deferred(
    "vqvae_jax.ntc",
    {
        "Experiment": ("experiment", "Experiment"),
        "Layout": ("codec.layout", "Layout"),
        "cost": ("count", "cost"),
        "start": ("codec.weights", "start"),
        "model": ("codec.model", "NtcModel"),
        "fit": ("codec.fit", "fit"),
    },
)


def task(
    experiment: "Experiment", steps: int, weights: Path | None = None, purpose: "Purpose" = "training"
) -> "NtcTask":
    """The experiment's `Task`; it needs no frozen network."""
    from vqvae_jax.ntc.train import NtcTask

    return NtcTask(experiment, steps)
