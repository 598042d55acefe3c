"""Where the evaluation meets a model family: its task, its checkpoints, its models in files."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.codec import decoder, encoder
from vqvae_jax.codec.bundle import load_bundle
from vqvae_jax.codec.export import export_bundle
from vqvae_jax.codec.tokenizer import Tokenizer
from vqvae_jax.config import to_dict
from vqvae_jax.data.source import ClipSet
from vqvae_jax.metrics.codebook_health import perplexity, usage_share
from vqvae_jax.metrics.rate import bytes_to_bpp, deflate_bytes, entropy_bpp, formula_bpp, index_entropy
from vqvae_jax.msvqvae.count import Cost, cost
from vqvae_jax.msvqvae.experiment import Experiment, experiment_from_dict
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.reconstruct import Without, decode, encode
from vqvae_jax.msvqvae.snapshot import Snapshot, checkpoint_digest, load_snapshot, open_run, run_identity
from vqvae_jax.training.state import PyTree

__all__ = ["checkpoint_digest", "load_snapshot", "open_run", "run_identity"]
Triple = tuple[int, int, int]


class Reconstruction(NamedTuple):
    frames: Array
    without: dict[str, Array]
    measures: dict[str, Array]


class Estimates(NamedTuple):
    bpp: dict[str, float]
    diagnostics: dict[str, Any]


class Task:
    def __init__(self, experiment: Experiment) -> None:
        self.model = experiment.model

    def check_clips(self, clip_shape: Triple, where: str) -> None:
        self.model.check_size(clip_shape, where)

    def reconstruct(self, params: PyTree, extras: dict[str, PyTree], clips_BTHWC: Array) -> Reconstruction:
        network, books = MSVQVAE(self.model), extras["codebooks"]
        indices = encode(network, params, books, clips_BTHWC)
        removals: list[Without] = ["top", "bottom"] if "top" in books else ["bottom"]
        without = {str(name): decode(network, params, books, indices, without=name) for name in removals}
        return Reconstruction(decode(network, params, books, indices), without, dict(indices))

    def summarise(self, measures: Mapping[str, Any], clip_shape: Triple) -> Estimates:
        names = list(self.model.levels)  # top first: the order of the file
        codes = [self.model.levels[name].codes for name in names]
        grids = [self.model.latent_shape(name, clip_shape) for name in names]
        counts = [np.bincount(measures[n].reshape(-1), minlength=k) for n, k in zip(names, codes, strict=True)]
        clips = len(measures[names[0]])
        deflated = [deflate_bytes([measures[name][clip] for name in names], codes) for clip in range(clips)]
        bpp = {
            "formula": formula_bpp(grids, codes, clip_shape),
            "deflate": bytes_to_bpp(float(np.mean(deflated)), clip_shape),
            "entropy": entropy_bpp(counts, grids, clip_shape),
        }
        levels = {
            name: {
                "codes": number,
                "grid": list(grid),
                "counts": used.tolist(),
                "usage": float(usage_share(jnp.asarray(used))),
                "perplexity": float(perplexity(jnp.asarray(used))),
                "entropy_bits": index_entropy(used),
            }
            for name, number, grid, used in zip(names, codes, grids, counts, strict=True)
        }
        return Estimates(bpp, {"levels": levels, "deflate_bytes": deflated})

    def cost(self, clip_shape: Triple) -> Cost:
        return cost(self.model, clip_shape)


def task_of(experiment: Any) -> Task:
    return Task(experiment)


def experiment_from(config: dict[str, Any], where: str) -> Any:
    return experiment_from_dict(config, where)


def config_of(experiment: Any) -> dict[str, Any]:
    return {"family": "msvqvae"} | to_dict(experiment)


def extras_of(snapshot: Snapshot) -> dict[str, PyTree]:
    return {"codebooks": snapshot.codebooks}


class Model:
    family = "msvqvae"

    def __init__(self, path: Path) -> None:
        self.bundle = load_bundle(path)
        self.name, self.digest, self.identity = self.bundle.name, self.bundle.digest, self.bundle.identity
        self.origin = self.bundle.origin

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self.bundle)


def load_model(path: Path) -> Model:
    return Model(path)


def open_encoder(model: Model, rate_weight: float) -> encoder.Encoder:
    return encoder.Encoder(model.bundle, rate_weight=rate_weight)


def open_decoder(model: Model, path: Path) -> decoder.Decoder:
    return decoder.Decoder(model.bundle, path, model.tokenizer)


def fit_bundle(
    snapshot: Snapshot,
    clips: ClipSet,
    path: Path,
    most_clips: int,
    on_chunk: Callable[[int, int], None],
    on_fit: Callable[[int, int], None],
) -> None:
    export_bundle(snapshot, clips, path, most_clips=most_clips, overwrite=True, on_chunk=on_chunk, on_fit=on_fit)
