"""What the head of an evaluation file says about run, clips and perceptual trunk."""

from pathlib import Path
from typing import Any

import jax

from vqvae_jax.data.source import ClipSet
from vqvae_jax.evaluation.quality import Divisors
from vqvae_jax.evaluation.schema import DataEntry, Perceptual, RunEntry
from vqvae_jax.families import config_of
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.losses.vgg_weights import ENVIRONMENT
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.start import init_params
from vqvae_jax.training.resume import read_frozen
from vqvae_jax.training.snapshot import run_identity
from vqvae_jax.training.state import parameter_count


def run_entry(folder: Path, experiment: Experiment) -> RunEntry:
    """The run: name, configuration, size of the model."""
    params = jax.eval_shape(lambda: init_params(experiment.model, jax.random.key(0)))
    return {
        "name": experiment.name,
        "folder": str(folder),
        "identity": run_identity(config_of(experiment)),
        "parameters": parameter_count(params),
        "codebook_entries": sum(level.codes * level.dim for level in experiment.model.levels.values()),
        "training_trunk": read_frozen(folder, "vgg"),
        "config": config_of(experiment),
    }


def data_entry(clips: ClipSet, count: int, card: dict[str, Any]) -> DataEntry:
    """The first `count` clips of a split, by name."""
    fps = card.get("fps")
    return {
        "folder": str(clips.data_dir),
        "split": clips.split,
        "digest": clips.digest,
        "clip_shape": list(clips.clip_shape),
        "fps": float(fps) if isinstance(fps, int | float) else None,  # "native" has no single rate
        "clips_in_split": card["splits"][clips.split]["clips"],
        "clip_ids": clips.ids(range(count)),
    }


def perceptual_entry(trunk: VggTrunk | None, divisors: Divisors) -> Perceptual:
    """The trunk and what its layers are divided by, or why there is none."""
    if trunk is None:
        reason = f"no VGG-16 weights: neither --vgg-weights nor ${ENVIRONMENT} names any"
        return {"trunk": None, "provenance": None, "layer_means": None, "reason": reason}
    return {"trunk": trunk.digest, "provenance": trunk.provenance, "layer_means": list(divisors), "reason": None}
