"""Trains what is missing, each run in a process of its own."""

from collections.abc import Callable, Iterable
from pathlib import Path

from experiments.runs.inspect import Run
from vqvae_jax.errors import UserError, say
from vqvae_jax.losses.vgg_files import open_trunk_file
from vqvae_jax.losses.vgg_weights import ENVIRONMENT, find_vgg_weights

Launch = Callable[..., None]  # (module, *arguments); SystemExit unless the program succeeds


def train_missing(runs: Iterable[Run], data: Path, weights: Path | None, launch: Launch) -> None:
    """Says how far the runs are; trains or resumes those that are not complete, one after the other.

    Raises:
      UserError: before any is trained, if VGG-16 weights are missing that one needs, or those given do not fit.
      SystemExit: with a training's exit code if it failed or was interrupted.
    """
    runs = list(runs)
    waiting = [run for run in runs if not run.complete]
    needing = [run.folder.name for run in waiting if run.experiment.loss.gamma > 0]
    found = find_vgg_weights(weights)
    if found is not None:
        open_trunk_file(found)  # does not read the arrays
    elif needing:
        raise UserError(
            f"VGG weights: {', '.join(needing)} {'trains' if len(needing) == 1 else 'train'} with the perceptual loss; "
            f"pass --vgg-weights FILE or set ${ENVIRONMENT} (docs/training.md says where to get them), or --no-train"
        )
    for run in runs:
        say(f"{run.folder.name}: {run.state}")
    options = [] if weights is None else ["--vgg-weights", weights]
    for run in waiting:
        launch("experiments.train", run.experiment.name, "--data", data, "--run", run.folder, *options, *run.options)
