"""A run's folder: one training at a time, and known to be writable before anything is compiled."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils

from vqvae_jax.errors import UserError
from vqvae_jax.lock import NAME, FolderLock
from vqvae_jax.training.checkpoints import FOLDER
from vqvae_jax.training.resume import CONFIG_FILE


@contextlib.contextmanager
def claimed(run_dir: Path) -> Iterator[None]:
    """Holds the run while entered. Processes that train together share it: the first one holds it for all.

    Every process must enter. A folder that was made for it goes again if nothing is put into it.

    Raises:
      UserError: if another program trains into the folder, it cannot be written, or it holds other things than a run.
    """
    with contextlib.ExitStack() as held:
        refusal: UserError | None = None
        if jax.process_index() == 0:
            try:
                _refuse_other_things(run_dir)
                held.enter_context(FolderLock(run_dir, f"run {run_dir} is being trained", f"run {run_dir}"))
            except UserError as error:
                refusal = error
        refused = refusal is not None
        if jax.process_count() > 1:  # or the others would wait for the first one for ever
            refused = bool(multihost_utils.broadcast_one_to_all(np.int32(refused)))
        if refused:
            raise refusal or UserError(f"process 0 was refused run {run_dir}; it says why")
        yield


def _refuse_other_things(run_dir: Path) -> None:
    try:
        there = sorted({path.name for path in run_dir.iterdir()} - {NAME}) if run_dir.is_dir() else []
    except OSError as error:
        raise UserError(f"run {run_dir} cannot be read: {error.strerror or error}") from error
    if there and CONFIG_FILE not in there and FOLDER not in there:
        raise UserError(f"run {run_dir} holds other things ({', '.join(there[:3])} ...); give a new folder or a run's")
