"""NTC as one of the families (`vqvae_jax.families.Family`); what is heavy is imported when it is used."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError

if TYPE_CHECKING:
    from vqvae_jax.codec.bundle import Bundle
    from vqvae_jax.ntc.experiment import Experiment
    from vqvae_jax.ntc.train import NtcTask
    from vqvae_jax.training.task import Cost, Purpose, Triple

#: What a family has that is here under another roof: module and name.
_ELSEWHERE = {
    "Experiment": ("experiment", "Experiment"),
    "model": ("codec.model", "NtcModel"),
    "fit": ("codec.fit", "fit"),
}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: `info` needs no JAX, which these import."""
    if name not in _ELSEWHERE:
        raise AttributeError(name)
    module, name = _ELSEWHERE[name]
    return getattr(importlib.import_module(f"vqvae_jax.ntc.{module}"), name)


def task(
    experiment: "Experiment", steps: int, weights: Path | None = None, purpose: "Purpose" = "training"
) -> "NtcTask":
    """The experiment's `Task`; it needs no frozen network."""
    from vqvae_jax.ntc.train import NtcTask

    return NtcTask(experiment, steps)


def cost(experiment: "Experiment", clip_shape: "Triple") -> "Cost":
    """Parameters and multiply-accumulates for a clip of (frames, height, width)."""
    from vqvae_jax.ntc.count import cost

    return cost(experiment.model, clip_shape)


def start(bundle: "Bundle") -> tuple[Any, dict[str, Any]]:
    """Weights of a bundle.

    Raises:
      UserError: if its content does not fit the family.
    """
    from vqvae_jax.ntc.codec.weights import floats, unpack_weights

    weights = unpack_weights(bundle)
    return {"transform": weights.transform, "prior": floats(weights.prior)}, {}


def arrays(snapshot: Any) -> Any:
    """A checkpoint codes no arrays: its codes are latents of a whole video.

    Raises:
      UserError: always.
    """
    raise UserError(f"{snapshot.experiment.name!r} is of family ntc, whose runs code nothing before they are exported")


def describe(header: Header) -> dict[str, Any]:
    """What the family's part of a file's header says, as JSON values; needs no model.

    Raises:
      UserError: if it is not valid.
    """
    from vqvae_jax.ntc.codec.layout import Layout

    return Layout.parse(header).describe()
