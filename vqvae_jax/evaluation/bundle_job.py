"""A bundle measured on a split: all that is known of it is what its files decode to."""

import time
from datetime import UTC, datetime

from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import few, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.clip_figures import DEFAULT_FPS
from vqvae_jax.evaluation.clip_files import files_entry, measure_files
from vqvae_jax.evaluation.coder import ModelCoder
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.describe import describe_checkpoint
from vqvae_jax.evaluation.header import bundle_entry, layer_means
from vqvae_jax.evaluation.open_result import Say, open_result
from vqvae_jax.evaluation.quality import ClipMeasure
from vqvae_jax.evaluation.result_file import write_result
from vqvae_jax.evaluation.schema import CheckpointResult, Result
from vqvae_jax.evaluation.side_files import refuse_foreign_side_files
from vqvae_jax.evaluation.surroundings import hardware, versions
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.progress import Progress


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
    fps = read_card(config.data).get("fps")
    coder = ModelCoder(config.run, float(fps) if isinstance(fps, int | float) else DEFAULT_FPS)
    result = open_result(config, bundle_entry(config.run, coder.model), batches, trunk, divisors, say)
    if result["checkpoints"]:
        say(f"{config.run.stem}  {describe_checkpoint(result['checkpoints'][0])}  (measured before)")
        return result
    started, records = time.monotonic(), range(batches.count)
    with Progress(f"{config.run.stem}: files", batches.count, "clips") as progress:
        measured = measure_files(coder, clips, records, ClipMeasure(trunk, divisors), progress.advance)
    entry: CheckpointResult = {
        "step": int(coder.model.origin.get("step", 0)),
        "digest": coder.digest,
        "weights": "bundle",
        "trained_on": coder.model.origin.get("data"),
        "quality": measured.quality,
        "files": files_entry(measured, clips.ids(records), clips.clip_shape, coder, None),
        "files_reason": None,
        "estimates": {},
        "without": {},
        "diagnostics": {},
        "batch_size": 1,
        "seconds": round(time.monotonic() - started, 3),
        "hardware": hardware(),
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_result(config.out, {**result, "checkpoints": [entry]})
    say(f"{config.run.stem}  {describe_checkpoint(entry)}")
    return {**result, "checkpoints": [entry]}
