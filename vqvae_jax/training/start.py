"""Starting from the weights of another run or of a bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.state import PyTree
from vqvae_jax.training.task import Start, Task


def start_from_run(run_dir: Path, task: Task) -> Start:
    """Weights, and what goes with them, of a run's best checkpoint (its latest, if none was validated).

    Raises:
      UserError: if there is no readable checkpoint, or its model has another structure; names the leaf.
    """
    if not run_dir.is_dir():
        raise UserError(f"--init-from {run_dir}: there is no such run")
    checkpoints = Checkpoints(run_dir / FOLDER, read_only=True)
    step = checkpoints.best_step()
    state = checkpoints.restore("latest" if step is None else step).state
    average = state.get("ema_params")
    return fitting_start(run_dir, state["params"] if average is None else average, state.get("extras", {}), task)


def fitting_start(source: Path, params: PyTree, extras: Mapping[str, Any], task: Task) -> Start:
    """What the new run takes over, in its own structure, if it fits its model.

    Args:
      source: the run or file it comes from, for errors.
      params, extras: pytrees whose leaves have the same names as the task's.
      task: of the new run; it says which extras it carries over.

    Raises:
      UserError: if the model has another structure; names the leaf.
    """
    like = task.abstract()
    wanted = {"params": like.params} | {name: like.extras[name] for name in task.carried}
    found = named_leaves({"params": params} | {name: extras.get(name) for name in task.carried})
    leaves = []
    for name, leaf in named_leaves(wanted).items():
        other = found.pop(name, None)
        if other is None or np.shape(other) != leaf.shape:
            shape = "missing" if other is None else f"of shape {np.shape(other)}"
            raise UserError(
                f"--init-from {source}: {name} is {shape}, this model has {leaf.shape}; the models must be the same"
            )
        leaves.append(other)
    if found:
        raise UserError(f"--init-from {source}: this model has no {next(iter(found))}")
    tree = jax.tree.unflatten(jax.tree.structure(wanted), leaves)
    return Start(tree.pop("params"), tree)
