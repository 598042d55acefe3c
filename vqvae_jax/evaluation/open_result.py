"""The evaluation file at its start: who, which clips, and what does not depend on any checkpoint."""

from collections.abc import Callable

from vqvae_jax.data.source import read_card
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.clip_figures import measure_baselines, measure_h264
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.describe import describe_baselines
from vqvae_jax.evaluation.header import data_entry, perceptual_entry
from vqvae_jax.evaluation.quality import Divisors
from vqvae_jax.evaluation.result_file import check_continues, read_result, write_result
from vqvae_jax.evaluation.schema import SCHEMA, VERSION, Result, RunEntry
from vqvae_jax.files import make_folder
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.progress import Progress, working

Say = Callable[[str], None]


def open_result(
    config: EvaluateConfig, run: RunEntry, batches: Batches, trunk: VggTrunk | None, divisors: Divisors, say: Say
) -> Result:
    """The file that is there, if it is of this run, clip set and trunk; else a new one, with H.264 and baselines.

    Raises:
      UserError: if the file is of something else, or cannot be written.
    """
    result: Result = {
        "schema": SCHEMA,
        "version": VERSION,
        "run": run,
        "data": data_entry(batches.clips, batches.count, read_card(config.data)),
        "perceptual": perceptual_entry(trunk, divisors),
        "h264": {"settings": "", "encoder": None, "bpp": None, "clip_bytes": None, "reason": None},
        "baselines": {},
        "checkpoints": [],
    }
    if config.out.exists() and not config.force:
        old = read_result(config.out)
        check_continues(config.out, old, result)
        say(describe_baselines(old))
        return old
    make_folder(config.out.parent)  # before hours of work depend on it
    with working("coding the clips with H.264"):
        result["h264"] = measure_h264(batches, result["data"]["fps"])
    with Progress("baselines", batches.count, "clips") as progress:
        result["baselines"] = measure_baselines(batches, trunk, divisors, progress.advance)
    write_result(config.out, result)
    say(describe_baselines(result))
    return result
