"""ENVC as one of the families (`vqvae_jax.families.Family`), as far as it goes: models, training, what they cost."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vqvae_jax.errors import UserError

if TYPE_CHECKING:
    from vqvae_jax.envc.experiment import Experiment
    from vqvae_jax.envc.train import EnvcTask
    from vqvae_jax.training.task import Cost, Purpose, Triple


def __getattr__(name: str) -> Any:
    """Imported when it is asked for, since it needs JAX."""
    if name != "Experiment":
        raise AttributeError(name)
    return importlib.import_module("vqvae_jax.envc.experiment").Experiment


def task(
    experiment: "Experiment", steps: int, weights: Path | None = None, purpose: "Purpose" = "training"
) -> "EnvcTask":
    """The experiment's `Task`; it needs no frozen network."""
    from vqvae_jax.envc.train import EnvcTask

    return EnvcTask(experiment, steps)


def cost(experiment: "Experiment", clip_shape: "Triple") -> "Cost":
    """Parameters and multiply-accumulates for a clip of (frames, height, width)."""
    from vqvae_jax.envc.count import cost

    return cost(experiment.model, clip_shape)


def _refuse(*arguments: Any, **named: Any) -> NoReturn:
    """Raises a `UserError`: nothing of this family is exported or coded yet."""
    raise UserError("models of family envc can be trained; coding with them is not part of this version")


start = model = arrays = fit = describe = _refuse
