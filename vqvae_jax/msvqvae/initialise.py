"""Starting from the weights of another run or of a bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.model import Codebooks
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.state import PyTree, TrainState


class Weights(NamedTuple):
    """What one run hands on to another."""

    params: PyTree  # the moving average, where the run kept one
    codebooks: Codebooks  # with their counts and sums


def weights_from_checkpoint(run_dir: Path, like: TrainState) -> Weights:
    """Weights and codebooks of a run's best checkpoint (its latest, if none was validated).

    Args:
      run_dir: folder of the other run.
      like: abstract state of the new run.

    Raises:
      UserError: if there is no readable checkpoint, or its model has another structure; names the leaf.
    """
    if not run_dir.is_dir():
        raise UserError(f"--init-from {run_dir}: there is no such run")
    checkpoints = Checkpoints(run_dir / FOLDER, read_only=True)
    step = checkpoints.best_step()
    state_dict = checkpoints.restore("latest" if step is None else step).state
    average = state_dict.get("ema_params")
    params = state_dict["params"] if average is None else average
    return fitting_weights(run_dir, params, state_dict["codebooks"], like)


def fitting_weights(
    source: Path, params: PyTree, codebooks: Mapping[str, Mapping[str, Any]], like: TrainState
) -> Weights:
    """Weights and codebooks as the new run has them, if they fit its model.

    Args:
      source: the run or file they come from, for errors.
      params: its weights.
      codebooks: by level, the fields of `Codebook`.
      like: abstract state of the new run.

    Raises:
      UserError: if the model has another structure; names the leaf.
    """
    taken = {"params": params, "codebooks": codebooks}
    wanted = {"params": like.params, "codebooks": {name: book._asdict() for name, book in like.codebooks.items()}}
    found = dict(jax.tree_util.tree_leaves_with_path(taken))
    for path, leaf in jax.tree_util.tree_leaves_with_path(wanted):
        other = found.pop(path, None)
        if other is None or np.shape(other) != leaf.shape:
            shape = "missing" if other is None else f"of shape {np.shape(other)}"
            raise UserError(
                f"--init-from {source}: {jax.tree_util.keystr(path)} is {shape}, this model has {leaf.shape}; "
                "the models must be the same"
            )
    if found:
        raise UserError(f"--init-from {source}: this model has no {jax.tree_util.keystr(next(iter(found)))}")
    return Weights(params, {name: type(book)(**codebooks[name]) for name, book in like.codebooks.items()})
