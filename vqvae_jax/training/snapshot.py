"""A run's model at one step, read from a checkpoint without touching the run: to measure, export or start from."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax import stopping
from vqvae_jax.errors import UserError
from vqvae_jax.lock import NAME
from vqvae_jax.training.checkpoint_format import Record
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.resume import CONFIG_FILE, MAY_CHANGE, flat_fields
from vqvae_jax.training.state import PyTree
from vqvae_jax.training.task import Start, Task


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


def awaited_run(run_dir: Path, seconds: float, say: Callable[[str], None]) -> Checkpoints:
    """`open_run` as soon as there is a run: a training that was started just now has not made it yet.

    Args:
      seconds: between two looks.
      say: told once what is waited for.

    Raises:
      UserError: if the folder holds other things.
    """
    waits = False
    while not run_dir.exists() or (run_dir.is_dir() and not {p.name for p in run_dir.iterdir()} - {NAME}):
        if not waits:
            say(f"waiting for run {run_dir}, which is not there yet; a look every {seconds:g} s, Ctrl-C ends it")
        waits = True
        time.sleep(seconds)
        stopping.check()
    return open_run(run_dir)


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
    leaves = _fitting(wanted, found, f"{where} does not fit its own config", "expected {}")
    for name, leaf in leaves.items():
        if not np.isfinite(leaf).all():
            raise UserError(f"{where} holds values that are not finite in {name}; evaluate an earlier step")
    tree = jax.tree.unflatten(jax.tree.structure(wanted), map(jnp.asarray, leaves.values()))
    digest, stream_state = checkpoint_digest(record), dict(record.stream_state)
    return Snapshot(record.step, digest, experiment, tree["params"], tree["extras"], moving_average, stream_state)


def start_from_run(run_dir: Path, task: Task) -> Start:
    """Weights, and what goes with them, of a run's best checkpoint (its latest, if none was validated).

    Raises:
      UserError: if there is no readable checkpoint, or its model has another structure; names the leaf.
    """
    if not run_dir.is_dir():
        raise UserError(f"--init-from {run_dir}: there is no such run, nor a bundle of that name")
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
      UserError: if the model has another structure, but for weights that the task lets grow; names the leaf.
    """
    like = task.abstract()
    wanted = {"params": like.params} | {name: like.extras[name] for name in task.carried}
    given = named_leaves({"params": params} | {name: extras.get(name) for name in task.carried})
    found = {name: leaf for name, leaf in given.items() if not name.startswith(task.renewed)}
    for name, leaf in named_leaves(wanted).items():
        if name not in found and name.startswith(task.growing + task.renewed):
            found[name] = np.zeros(leaf.shape, leaf.dtype)
    leaves = _fitting(wanted, found, f"--init-from {source}", "this model has {}; the models must be the same")
    if extra := [name for name in found if name not in leaves]:
        raise UserError(f"--init-from {source}: this model has no {extra[0]}")
    tree = jax.tree.unflatten(jax.tree.structure(wanted), leaves.values())
    return Start(tree.pop("params"), tree)


def _fitting(wanted: PyTree, found: Mapping[str, Any], where: str, expected: str) -> dict[str, Any]:
    """The leaves of `found` that `wanted` has, in its order.

    Raises:
      UserError: names the first that is missing or of another shape.
    """
    leaves = named_leaves(wanted)
    for name, leaf in leaves.items():
        shape = f"of shape {np.shape(found[name])}" if found.get(name) is not None else "missing"
        if shape != f"of shape {leaf.shape}":
            raise UserError(f"{where}: {name} is {shape}, {expected.format(leaf.shape)}")
    return {name: found[name] for name in leaves}
