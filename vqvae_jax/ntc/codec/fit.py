"""A run's checkpoint to a bundle. The prior was trained as it counts, so nothing is fitted."""

from collections.abc import Callable

from vqvae_jax.codec.bundle import Bundle, WeightType
from vqvae_jax.data.source import ClipSet
from vqvae_jax.ntc.codec.weights import pack_weights
from vqvae_jax.training.snapshot import Snapshot


def fit(
    snapshot: Snapshot, clips: ClipSet, most_clips: int, weights: WeightType, show: Callable[[str, int, int], None]
) -> Bundle:
    """See `families.Family.fit`."""
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest}
    return pack_weights(snapshot.experiment.name, snapshot.experiment.model, snapshot.params, origin, weights)
