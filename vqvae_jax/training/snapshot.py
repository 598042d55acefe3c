"""A run's model at one step, read from a checkpoint without touching the run."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.training.checkpoint_format import Record
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.resume import CONFIG_FILE, MAY_CHANGE, flat_fields
from vqvae_jax.training.state import PyTree
from vqvae_jax.training.task import Task


class Snapshot(NamedTuple):
    """What is evaluated and exported."""

    step: int
    digest: str  # of every leaf of the checkpoint
    experiment: Any  # the family's configuration
    params: PyTree  # moving average of the weights where the run keeps one
    extras: dict[str, PyTree]  # see `TrainState`
    moving_average: bool  # whether `params` is one
    stream_state: dict[str, Any]  # of the training data: digest, records, ...


def open_run(run_dir: str | Path) -> Checkpoints:
    """The run's checkpoints, read-only; there may be none yet.

    Raises:
      UserError: if the folder does not exist or is not one of a run.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise UserError(f"run {folder} does not exist; train one with `python -m experiments.train NAME --run DIR`")
    checkpoints = Checkpoints(folder / FOLDER, read_only=True)
    if not checkpoints.folder.is_dir() and not (folder / CONFIG_FILE).is_file():
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
        raise UserError(f"{folder} is not a run: it has neither {FOLDER}/ nor {CONFIG_FILE} (found: {found})")
    return checkpoints


def chosen_step(checkpoints: Checkpoints, run_dir: str | Path, step: int | str) -> int:
    """The number of a step: `best` (the latest, if none was validated), `latest`, or a number as it is.

    Raises:
      UserError: if the run has no checkpoint yet, or `step` is none of these.
    """
    steps = checkpoints.steps()
    if not steps:
        raise UserError(f"run {run_dir} has no checkpoint yet")
    if step not in ("best", "latest"):
        if not str(step).isdecimal():
            raise UserError(f"step={step!r}; expected best, latest or a number")
        return int(step)
    best = checkpoints.best_step() if step == "best" else None
    return steps[-1] if best is None else best


def checkpoint_digest(record: Record) -> str:
    """SHA-256 over names and digests of all leaves: equal if and only if two checkpoints hold the same state."""
    leaves = {name: entry["digest"] for name, entry in record.leaves.items()}
    return hashlib.sha256(json.dumps(leaves, sort_keys=True).encode()).hexdigest()


def run_identity(config: dict[str, Any]) -> str:
    """SHA-256 of a run's configuration without what may change when it is resumed."""
    fixed = {name: value for name, value in flat_fields(config).items() if name not in MAY_CHANGE}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def read_snapshot(checkpoints: Checkpoints, record: Record, experiment: Any, task: Task) -> Snapshot:
    """Reads and verifies one step.

    Args:
      checkpoints: of the run.
      record: of the step.
      experiment: its configuration.
      task: made of the configuration.

    Raises:
      UserError: if it is damaged, is of another kind of model, or holds values that are not finite.
    """
    where = f"checkpoint {checkpoints.folder / str(record.step)}"
    like = task.abstract()
    state = checkpoints.restore(record.step).state
    moving_average = "ema_params" in state
    params = state.get("ema_params" if moving_average else "params", {})
    wanted = {"params": like.params, "extras": like.extras}
    found = named_leaves({"params": params, "extras": state.get("extras", {})})
    leaves = []
    for name, leaf in named_leaves(wanted).items():
        if name not in found or found[name].shape != leaf.shape:
            shape = found[name].shape if name in found else "absent"
            raise UserError(f"{where} does not fit its own config: {name} is {shape}, expected {leaf.shape}")
        if not np.isfinite(found[name]).all():
            raise UserError(f"{where} holds values that are not finite in {name}; evaluate an earlier step")
        leaves.append(jnp.asarray(found[name]))
    tree = jax.tree.unflatten(jax.tree.structure(wanted), leaves)
    return Snapshot(
        record.step,
        checkpoint_digest(record),
        experiment,
        tree["params"],
        tree["extras"],
        moving_average,
        dict(record.stream_state),
    )
