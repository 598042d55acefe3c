"""The models that are measured whole, how they are trained there, and what they are fed."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.jax_programs import STEPS
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae import named
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.start import new_state
from vqvae_jax.training.optimizer import OptimizerConfig, make_optimizer
from vqvae_jax.training.state import TrainState

MODELS = {"msvqvae": named.MSVQVAE_MODEL, "tiny": named.TINY_MODEL}
#: Clips a batch on a CPU.
BATCHES = {"msvqvae": 1, "tiny": 4}


def experiment_of(model: ModelConfig) -> Experiment:
    """Reconstruction and commitment alone, no level dropout, gradients clipped."""
    return Experiment(
        model=replace(model, level_dropout=0.0),
        loss=LossConfig(gamma=0.0),
        optimizer=OptimizerConfig(clip_norm=1.0, schedule="constant"),
        data=PipelineConfig(frames=model.clip[0]),
    )


def first_state(experiment: Experiment) -> TrainState:
    """Fresh weights, and codebooks from clips of noise."""
    optimizer = make_optimizer(experiment.optimizer, STEPS, 1)
    return new_state(experiment, optimizer, jax.random.key(0), jnp.asarray(clips_of(experiment.model, 1)), None)


def clips_of(model: ModelConfig, count: int) -> np.ndarray:
    """Smooth coloured noise, [count, T, H, W, 3] uint8."""
    t, h, w = model.clip
    coarse = np.random.default_rng(0).integers(0, 256, (count, t // 4, h // 4, w // 4, 3), np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2).repeat(4, 3)
