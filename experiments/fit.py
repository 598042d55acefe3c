"""Fits a named experiment to a video: `python -m experiments.fit NAME --video FILE --run DIR`.

NAME is followed by the program's options and every field of the experiment as one. The run is one like any other
(`experiments.train`): it is resumed if it exists, and SIGINT and SIGTERM save and leave. To code a video, use
`vqvae-jax encode --family mvc`; this is for experiments with networks and losses.
"""

import itertools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.train import keep_length, parse_named
from vqvae_jax.allocator import keep_freed_memory
from vqvae_jax.compile_cache import keep_compiled_programs
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.stopping import leave_at_once


@dataclass(frozen=True)
class FitCommand:
    """Fits a named experiment to a video, scaled to the experiment's size, or resumes the run."""

    video: Path
    """A video file, a .npy file of frames, or a folder of pictures; its first --model.frames frames are fitted."""
    run: Path
    """Folder of the run; one that exists is resumed."""
    steps: int | None = None
    """Steps in all; default: --training.steps."""
    flow: Path | None = None
    """Folder in which optical flow is kept, for other runs on the same frames."""
    raft_weights: Path | None = None
    """RAFT-small, .npz, for --loss.flow-source raft."""
    feature_weights: Path | None = None
    """ResNet-34, .npz, for --loss.features resnet34."""


def read_frames(video: Path, count: int, height: int, width: int) -> np.ndarray:
    """The first frames of a video, at most `count`, each scaled by areas: [T, height, width, 3] uint8.

    Raises:
      UserError: if it cannot be read.
    """
    import cv2

    from vqvae_jax.video.source import open_source

    with open_source(video) as source:
        frames = list(itertools.islice(source.frames(), count))
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


def fit(command: FitCommand, experiment: Any) -> int:
    """Runs the fit; returns the exit code (128 + signal if it was interrupted).

    Raises:
      UserError: see `vqvae_jax.mvc.scene.fit_scene`; also if the experiment is of another family.
    """
    if experiment.family != "mvc":
        raise UserError(f"{experiment.name!r} is of family {experiment.family}, which is trained: experiments.train")
    from vqvae_jax.mvc.scene import Files, fit_scene, sized

    frames = read_frames(command.video, *experiment.model.clip)
    files = Files(command.raft_weights, command.feature_weights)
    return fit_scene(sized(experiment, frames), frames, command.run, str(command.video), files, command.flow)


def parse_command(arguments: list[str]) -> tuple[FitCommand, Any]:
    """What was typed; a run that exists keeps its length."""
    from experiments import configs

    command, experiment = parse_named(arguments, FitCommand, "python -m experiments.fit")
    if command.steps is not None:
        return command, replace(experiment, training=replace(experiment.training, steps=command.steps))
    return command, keep_length(experiment, configs.load(arguments[0]), command.run)


def main() -> None:
    """Parses the command line and fits."""
    keep_compiled_programs()  # the programs of a short fit take as long to compile as to run
    command, experiment = parse_command(sys.argv[1:])
    keep_freed_memory()
    sys.exit(fit(command, experiment))


if __name__ == "__main__":
    leave_at_once("fit")  # until the loop's `Interruption`
    run_command("fit", main)
