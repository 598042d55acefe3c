"""ENVC as one of the families (`vqvae_jax.families.Family`); what is heavy waits until it is used."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError

if TYPE_CHECKING:
    from vqvae_jax.codec.bundle import Bundle
    from vqvae_jax.envc.experiment import Experiment
    from vqvae_jax.envc.train import EnvcTask
    from vqvae_jax.training.task import Cost, Purpose, Triple

#: What a family has that is here under another roof: module and name.
_ELSEWHERE = {
    "Experiment": ("experiment", "Experiment"),
    "model": ("codec.model", "EnvcModel"),
    "fit": ("codec.fit", "fit"),
}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: `info` needs no JAX, which these import."""
    if name not in _ELSEWHERE:
        raise AttributeError(name)
    module, name = _ELSEWHERE[name]
    return getattr(importlib.import_module(f"vqvae_jax.envc.{module}"), name)


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


def start(bundle: "Bundle") -> tuple[Any, dict[str, Any]]:
    """Weights of a bundle.

    Raises:
      UserError: if its content does not fit the family.
    """
    from vqvae_jax.envc.codec.weights import unpack_weights

    return unpack_weights(bundle).params, {}


def arrays(snapshot: Any) -> Any:
    """A checkpoint codes no arrays: its codes are latents of a whole video.

    Raises:
      UserError: always.
    """
    raise UserError(f"{snapshot.experiment.name!r} is of family envc, whose runs code nothing before they are exported")


def describe(header: Header) -> dict[str, Any]:
    """What the family's part of a file's header says, as JSON values; needs no model.

    Raises:
      UserError: if it is not valid.
    """
    from vqvae_jax.envc.codec.layout import Layout

    return Layout.parse(header).describe()
