"""A run's model at one step, read from a checkpoint without touching the run."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax import stopping
from vqvae_jax.config import to_dict
from vqvae_jax.errors import UserError
from vqvae_jax.lock import NAME
from vqvae_jax.msvqvae.experiment import Experiment, experiment_from_dict
from vqvae_jax.msvqvae.model import Codebooks
from vqvae_jax.msvqvae.start import empty_codebooks, init_params
from vqvae_jax.quantization.codebook import Codebook
from vqvae_jax.training.checkpoint_format import Record
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.resume import CONFIG_FILE, MAY_CHANGE
from vqvae_jax.training.state import PyTree


class Snapshot(NamedTuple):
    """What is evaluated."""

    step: int
    digest: str  # of every leaf of the checkpoint
    experiment: Experiment
    params: PyTree  # moving average of the weights where the run keeps one
    codebooks: Codebooks
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


def run_identity(experiment: Experiment) -> str:
    """SHA-256 of the configuration without what may change when a run is resumed."""
    fixed = to_dict(experiment)
    for name in MAY_CHANGE:
        section, field = name.split(".")
        del fixed[section][field]
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def load_snapshot(checkpoints: Checkpoints, step: int) -> Snapshot:
    """Reads and verifies one step.

    Raises:
      UserError: if it does not exist, is damaged, is of another kind of model, or holds values that are not finite.
    """
    record = checkpoints.record(step)
    where = f"checkpoint {checkpoints.folder / str(step)}"
    experiment = experiment_from_dict(record.config, f"{where}: config")
    state = checkpoints.restore(step).state
    moving_average = "ema_params" in state
    params = state.get("ema_params" if moving_average else "params", {})
    codebooks = state.get("codebooks", {})

    expected = jax.eval_shape(
        lambda: {"params": init_params(experiment.model, jax.random.key(0)), "codebooks": _books(experiment)}
    )
    found = named_leaves({"params": params, "codebooks": codebooks})
    for name, leaf in named_leaves(expected).items():
        if name not in found or found[name].shape != leaf.shape:
            shape = found[name].shape if name in found else "absent"
            raise UserError(f"{where} does not fit its own config: {name} is {shape}, expected {leaf.shape}")
        if not np.isfinite(found[name]).all():
            raise UserError(f"{where} holds values that are not finite in {name}; evaluate an earlier step")
    books = {name: Codebook(**{f: jnp.asarray(v) for f, v in book.items()}) for name, book in codebooks.items()}
    return Snapshot(
        step, checkpoint_digest(record), experiment, params, books, moving_average, dict(record.stream_state)
    )


def _books(experiment: Experiment) -> dict[str, Any]:
    return {name: book._asdict() for name, book in empty_codebooks(experiment.model).items()}
