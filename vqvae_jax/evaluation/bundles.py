"""Bundles: that of a checkpoint, fitted once on training clips and kept; and one measured by itself."""

import time
from pathlib import Path

from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.data.open import open_sets, open_split
from vqvae_jax.data.source import ClipSet, few, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.clip_files import curve_missing, measure_curve, measure_files
from vqvae_jax.evaluation.coder import ModelCoder, coders_at
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.opening import (
    DEFAULT_FPS,
    Say,
    bundle_entry,
    layer_means,
    open_result,
    single_rate,
    surroundings,
)
from vqvae_jax.evaluation.overview import describe_checkpoint
from vqvae_jax.evaluation.quality import ClipMeasure
from vqvae_jax.evaluation.result_file import write_result
from vqvae_jax.evaluation.schema import CheckpointResult, Result
from vqvae_jax.evaluation.side_files import refuse_foreign_side_files
from vqvae_jax.families import export_bundle
from vqvae_jax.files import make_folder
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.progress import Progress
from vqvae_jax.training.resume import NotedData, noted_data
from vqvae_jax.training.snapshot import Snapshot


def training_clips(run: Path, digest: str | None, other: Path) -> ClipSet:
    """The clips that a run was trained on, where it says that they are; else in another data set, if they are there.

    Raises:
      UserError: if they are in neither.
    """
    reasons = []
    for find in (lambda: noted_data(run), lambda: NotedData([other], None)):
        try:
            data = find()
            clips = open_sets(data.folders, "train", data.weights)
        except UserError as error:
            reasons.append(str(error))
            continue
        if clips.digest == digest:
            return clips
        reasons.append(f"{clips.data_dir} is not what the run was trained on (digest {clips.digest[:8]})")
    raise UserError(f"the training clips, on which an entropy model is fitted, are not there: {reasons[0]}")


def bundles_folder(out: Path) -> Path:
    """Where the bundles of an evaluation's checkpoints are."""
    return out.with_name(f"{out.stem}_bundles")


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

        def show(what: str, done: int, total: int) -> None:
            progress.show(f"step {snapshot.step}: {what}", done, total)

        export_bundle(snapshot, clips, path, most_clips=fit_clips, overwrite=True, show=show)
    return path


def evaluate_bundle(config: EvaluateConfig, say: Say = print) -> Result:
    """Measures a bundle's files; `config.files` says on how many of the clips, and all figures are of those.

    Raises:
      UserError: if the bundle cannot be read, no files are wanted, a clip cannot be coded, or `config.out` holds
        something else.
    """
    if config.files == 0:
        raise UserError(f"{config.run} is a bundle: its files are all that is measured of it; leave --files 0 out")
    if not config.force:
        refuse_foreign_side_files(config.out)
    clips = few(open_split(config.data, config.split), config.clips)
    clips = clips if config.files == "all" else few(clips, config.files)
    batches = Batches(clips, len(clips), config.batch_size)
    weights = find_vgg_weights(config.vgg_weights)
    trunk, divisors = None if weights is None else load_vgg(weights), layer_means(None)
    fps = single_rate(read_card(config.data)) or DEFAULT_FPS
    coder, others = ModelCoder(config.run, fps), coders_at(config.run, fps, config.qualities)
    result = open_result(config, bundle_entry(config.run, coder.model), batches, trunk, divisors, say)
    if result["checkpoints"] and not curve_missing(result["checkpoints"][0], config.qualities):
        say(f"{config.run.stem}  {describe_checkpoint(result['checkpoints'][0])}  (measured before)")
        return result
    started, records = time.monotonic(), range(batches.count)
    with Progress(f"{config.run.stem}: files", batches.count * (1 + len(others)), "clips") as progress:
        measure, advance = ClipMeasure(trunk, divisors), progress.advance
        files, quality = measure_files(coder, clips, records, measure, None, advance)
        curve = measure_curve(others, clips, records, measure, None, advance)
    entry: CheckpointResult = {
        "step": int(coder.model.origin.get("step", 0)),
        "digest": coder.digest,
        "weights": "bundle",
        "trained_on": coder.model.origin.get("data"),
        "quality": quality,
        "files": files,
        "files_reason": None,
        "curve": curve,
        "estimates": {},
        "without": {},
        "diagnostics": {},
        "batch_size": 1,
        "seconds": round(time.monotonic() - started, 3),
        **surroundings(),
    }
    write_result(config.out, {**result, "checkpoints": [entry]})
    say(f"{config.run.stem}  {describe_checkpoint(entry)}")
    return {**result, "checkpoints": [entry]}
