"""A run's checkpoint to a bundle: nothing is fitted, tables follow from the weights."""

from collections.abc import Callable

from vqvae_jax.codec.bundle import Bundle, WeightType
from vqvae_jax.data.source import ClipSet
from vqvae_jax.envc.codec.weights import pack_weights
from vqvae_jax.training.snapshot import Snapshot

Show = Callable[[str, int, int], None]


def fit(snapshot: Snapshot, clips: ClipSet, most_clips: int, weights: WeightType, show: Show) -> Bundle:
    """The bundle of a checkpoint.

    Args:
      snapshot: of `load_snapshot`.
      clips, most_clips, show: of other families.
      weights: how they are stored.
    """
    experiment = snapshot.experiment
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest}
    return pack_weights(experiment.name, experiment.model, snapshot.params, origin, weights)
