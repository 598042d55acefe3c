"""A run and a data set small enough for tests: random weights, moving squares."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from vqvae_jax.config import to_dict
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.config import LevelConfig, ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.start import new_state
from vqvae_jax.training.checkpoints import Checkpoints
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig, make_optimizer
from vqvae_jax.training.state import TrainState

CLIP = (4, 16, 16)

EXPERIMENT = Experiment(
    name="small",
    model=ModelConfig(
        bottom=LevelConfig((2, 4, 4), codes=16, dim=4),
        top=LevelConfig((4, 8, 8), codes=8, dim=4),
        clip=CLIP,
        resample="patch",
        block="factored",
        width=8,
        hidden=8,
        encoder_blocks=1,
        decoder_blocks=1,
        top_width=8,
        top_hidden=8,
        top_blocks=1,
    ),
    loss=LossConfig(gamma=0.0),
    optimizer=OptimizerConfig(weight_ema=0.9),
    data=PipelineConfig(batch_size=2, frames=CLIP[0]),
    training=TrainingConfig(steps=20),
)


def moving_squares(count: int, shape: tuple[int, int, int] = CLIP, seed: int = 0) -> np.ndarray:
    """(count, T, H, W, 3) uint8: a square of one colour that moves over another, with noise; every clip differs."""
    rng = np.random.default_rng(seed)
    frames, height, width = shape
    clips = np.empty((count, *shape, 3), np.float32)
    for clip in clips:
        clip[:] = rng.integers(0, 256, 3)
        side, colour = max(height // 3, 1), rng.integers(0, 256, 3)
        for t in range(frames):
            top, left = rng.integers(0, height - side) + np.arange(2) * 0
            clip[t, top : top + side, left % width : left % width + side] = colour
        clip += rng.normal(0, 4, clip.shape)
    return np.clip(clips, 0, 255).astype(np.uint8)


def write_data(folder: Path, clips: np.ndarray, split: str = "test") -> Path:
    folder.mkdir(parents=True)
    np.save(folder / f"{split}.npy", clips)
    names = [f"v_Square_g01_c{i:02d}/0000" for i in range(len(clips))]
    card = {
        "format": "npy",
        "fps": 16,
        "splits": {
            split: {"clips": len(clips), "digest": f"digest of {clips.shape}", "ids": names},
            "empty": {"clips": 0, "digest": "none", "ids": []},
        },
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def make_state(experiment: Experiment = EXPERIMENT, seed: int = 0) -> TrainState:
    """Fresh weights, with a moving average that differs from them."""
    optimizer = make_optimizer(experiment.optimizer, 20, experiment.data.batch_size)
    clips = moving_squares(8, experiment.model.clip, seed=99)
    state = new_state(experiment, optimizer, jax.random.key(seed), clips, None)
    return state._replace(ema_params=jax.tree.map(lambda p: p * 0.9, state.params))


def write_run(
    folder: Path,
    steps: tuple[int, ...] = (10,),
    psnr: dict[int, float] | None = None,
    experiment: Experiment = EXPERIMENT,
) -> dict[int, TrainState]:
    """A run with checkpoints of `steps`, each with other weights."""
    states = {}
    with Checkpoints(folder / "checkpoints", keep_latest=100) as checkpoints:
        for step in steps:
            states[step] = make_state(experiment, seed=step)
            metrics = {"psnr": (psnr or {}).get(step, float("nan"))}
            stream = {"digest": "training digest", "records": 40}
            checkpoints.save(step, states[step], stream, to_dict(experiment), metrics)
    return states


def single_level() -> Experiment:
    return replace(EXPERIMENT, name="single", model=replace(EXPERIMENT.model, top=None))
