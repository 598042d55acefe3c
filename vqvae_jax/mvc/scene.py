"""A scene in memory, with what its fit is told of it; and the fit, which is a run like any other."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vqvae_jax.config import to_dict
from vqvae_jax.data.memory import ArrayClips
from vqvae_jax.mvc.config import for_scene
from vqvae_jax.mvc.context import pad
from vqvae_jax.mvc.experiment import Experiment
from vqvae_jax.mvc.supervision.features import feature_net
from vqvae_jax.mvc.supervision.flow import scene_flow
from vqvae_jax.mvc.train import MvcTask, Supervision
from vqvae_jax.mvc.weights import Params
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.loop import Job, train


class Files(NamedTuple):
    """Where frozen networks are."""

    raft: Path | None = None
    features: Path | None = None


NO_FILES = Files()


def sized(experiment: Experiment, frames_THWC: np.ndarray) -> Experiment:
    """The experiment with its network for a scene of these frames."""
    frames, height, width = frames_THWC.shape[:3]
    return replace(experiment, model=for_scene(experiment.model, (frames, height, width)))


def supervise(
    experiment: Experiment, frames_THWC: np.ndarray, cache: Path | None = None, files: Files = NO_FILES
) -> Supervision:
    """What a fit is told of a scene.

    Args:
      experiment: for a scene of this size.
      frames_THWC: uint8, of the video.
      cache: folder where flow is kept.
      files: of networks that the experiment names.

    Raises:
      UserError: if a file is missing or does not fit, or the frames are not of the experiment's size.
    """
    loss, (frames, height, width) = experiment.loss, frames_THWC.shape[:3]
    experiment.model.check_size((frames, height, width), "scene")
    padded = pad(experiment.model, frames_THWC)
    flow = scene_flow(loss, padded, cache, files.raft) if loss.follows else None
    net = feature_net(loss.features, files.features) if loss.consistency else None
    return Supervision(padded, flow, net)


def fit_scene(
    experiment: Experiment,
    frames_THWC: np.ndarray,
    run: Path,
    name: str = "scene",
    files: Files = NO_FILES,
    cache: Path | None = None,
) -> int:
    """Fits a network to a scene, or goes on where the run was left; returns the exit code (128 + signal).

    Args:
      experiment: for a scene of this size (`sized`).
      frames_THWC: uint8, all in memory.
      run: its folder.
      name: of the scene, in messages and in the run's record.
      files: of networks that the experiment names.
      cache: folder where flow is kept.

    Raises:
      UserError: see `training.loop.train` and `supervise`.
    """
    padded = pad(experiment.model, frames_THWC)
    scene = ArrayClips(padded[:, None], name, "frames")
    whole = ArrayClips(frames_THWC[None], name, "scene") if experiment.training.validation_clips else None
    config = {"family": experiment.family} | to_dict(experiment)
    job = Job(experiment.name, config, experiment.data, experiment.training, scene, whole, run)
    supervision = supervise(experiment, frames_THWC, cache, files)
    return train(job, MvcTask(experiment, job.steps, supervision=supervision))


class Fitted(NamedTuple):
    """What a run has come to."""

    params: Params
    step: int
    learned: bool  # whether steps of grids are learned, in `params.learned`


def fitted(experiment: Experiment, run: Path) -> Fitted:
    """The latest state of a run.

    Raises:
      UserError: if there is none, or it is of another model.
    """
    like = MvcTask(experiment, 1, purpose="reconstructing").abstract()
    restored = Checkpoints(run / FOLDER, read_only=True).restore("latest", like=like)
    learned = bool(restored.state.extras.get("counts", False))
    return Fitted(restored.state.params, restored.step, learned)
