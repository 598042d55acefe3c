"""What the head of an evaluation file says about run, clips and perceptual trunk."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vqvae_jax.codec.interface import Model
from vqvae_jax.data.source import ClipSet
from vqvae_jax.evaluation.quality import Divisors
from vqvae_jax.evaluation.schema import DataEntry, Perceptual, RunEntry
from vqvae_jax.families import config_of, task_of
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.losses.vgg_weights import ENVIRONMENT
from vqvae_jax.training.resume import read_frozen
from vqvae_jax.training.snapshot import run_identity


def run_entry(folder: Path, experiment: Any, clip_shape: Sequence[int]) -> RunEntry:
    """The run: name, configuration, size of the model."""
    config, shape = config_of(experiment), (clip_shape[0], clip_shape[1], clip_shape[2])
    counted = dataclasses.asdict(task_of(experiment).cost(shape))
    return {
        "kind": "run",
        "family": config["family"],
        "name": experiment.name,
        "folder": str(folder),
        "identity": run_identity(config),
        "cost": {name: number for name, number in counted.items() if isinstance(number, int)},
        "training_trunk": read_frozen(folder, "vgg"),
        "config": config,
    }


def bundle_entry(path: Path, model: Model) -> RunEntry:
    """A bundle in the place of a run."""
    return {
        "kind": "bundle",
        "family": model.family,
        "name": model.name,
        "folder": str(path),
        "identity": model.digest,
        "cost": {"file_bytes": path.stat().st_size},
        "training_trunk": None,
        "config": {},
    }


def layer_means(experiment: Any) -> Divisors:
    """What the layers of the perceptual distance are divided by: as in the run's loss, if it has one."""
    divisors: Divisors = getattr(getattr(experiment, "loss", None), "layer_means", LossConfig().layer_means)
    return divisors


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
