"""The bundle of a checkpoint: what has to be fitted after training is fitted on training clips, once, and kept."""

import json
from functools import partial
from pathlib import Path

from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError
from vqvae_jax.families import export_bundle
from vqvae_jax.files import make_folder
from vqvae_jax.progress import Progress
from vqvae_jax.training.resume import DATA_FILE
from vqvae_jax.training.snapshot import Snapshot


def noted_data(run: Path) -> Path:
    """The data set that a run was trained on, where it was then.

    Raises:
      UserError: if the run does not say, or it is gone.
    """
    try:
        folder = Path(json.loads((run / DATA_FILE).read_text())["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"run {run} does not say where its data are; give them with --data DIR") from error
    if not folder.is_dir():
        raise UserError(f"the run's data were in {folder}, which is gone; give them with --data DIR")
    return folder


def training_clips(run: Path, digest: str | None, other: Path) -> ClipSet:
    """The clips that a run was trained on, where it says that they are; else in another data set, if they are there.

    Raises:
      UserError: if they are in neither.
    """
    reasons = []
    for find in (lambda: noted_data(run), lambda: other):
        try:
            clips = open_split(find(), "train")
        except UserError as error:
            reasons.append(str(error))
            continue
        if clips.digest == digest:
            return clips
        reasons.append(f"{clips.data_dir} is not what the run was trained on (digest {clips.digest[:8]})")
    raise UserError(f"the training clips, on which an entropy model is fitted, are not there: {reasons[0]}")


def fitted_bundle(snapshot: Snapshot, run: Path, other: Path, folder: Path, fit_clips: int) -> Path:
    """The file of a checkpoint's bundle: the one in `folder` if it was fitted before, else fitted now.

    Args:
      snapshot: of the checkpoint.
      run: its run, which knows its training data.
      other: a data set that may hold them too.
      folder: of the bundles.
      fit_clips: about so many training clips are fitted on.

    Raises:
      UserError: if there are no training clips, or too few, or the file cannot be written.
    """
    name = f"step_{snapshot.step}_{snapshot.digest[:16]}_fit_{fit_clips}"
    path = folder / f"{name}.safetensors"
    if path.is_file():
        try:
            if read_bundle(path).origin.get("checkpoint") == snapshot.digest:
                return path
        except UserError:
            pass  # damaged: made anew
    clips = training_clips(run, snapshot.stream_state.get("digest"), other)
    make_folder(folder)
    with Progress("") as progress:
        coding, fitting = (
            partial(progress.show, f"step {snapshot.step}: {what}") for what in ("training clips", "entropy model")
        )
        export_bundle(snapshot, clips, path, most_clips=fit_clips, overwrite=True, on_chunk=coding, on_fit=fitting)
    return path
