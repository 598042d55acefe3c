"""Trains what is missing, each run in a process of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.runs.inspect import Run
from vqvae_jax.errors import UserError
from vqvae_jax.losses.vgg_weights import ENVIRONMENT, find_vgg_weights, open_trunk_file

Launch = Callable[..., None]  # (module, *arguments); SystemExit unless the program succeeds


def check_weights(runs: Sequence[Run], weights: Path | None) -> None:
    """Asks, without reading the arrays, for VGG-16 weights if any of the runs still to train needs them.

    Raises:
      UserError: if they are missing or do not fit.
    """
    found = find_vgg_weights(weights)
    if found is not None:
        open_trunk_file(found)
        return
    needing = [run.folder.name for run in runs if not run.complete and run.experiment.loss.gamma > 0]
    if needing:
        raise UserError(
            f"VGG weights: {', '.join(needing)} {'trains' if len(needing) == 1 else 'train'} with the perceptual loss; "
            f"pass --vgg-weights FILE or set ${ENVIRONMENT} (docs/training.md says where to get them), or --no-train"
        )


def train_missing(runs: Sequence[Run], data: Path, weights: Path | None, launch: Launch) -> None:
    """Trains or resumes the runs that are not complete, one after the other.

    Raises:
      SystemExit: with a training's exit code if it failed or was interrupted.
    """
    waiting = [run for run in runs if not run.complete]
    options = [] if weights is None else ["--vgg-weights", weights]
    for run in waiting:
        launch("experiments.train", run.experiment.name, "--data", data, "--run", run.folder, *options, *run.options)
