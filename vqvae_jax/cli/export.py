"""`vqvae-jax export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vqvae_jax.codec.bundle import WeightType
from vqvae_jax.data.open import open_sets
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import export_bundle, load_snapshot
from vqvae_jax.progress import Progress
from vqvae_jax.training.resume import NotedData, noted_data
from vqvae_jax.training.snapshot import chosen_step, open_run


@dataclass(frozen=True)
class Options:
    """A training run to a bundle: weights, codebooks, entropy models fitted on its training clips, configuration."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.safetensors")]
    """The .safetensors file to write."""
    run: Path
    """Folder of the run."""
    step: str = "best"
    """Checkpoint: best (by validation PSNR; the latest of a run without validation), latest or a number."""
    data: Path | None = None
    """Data set the run was trained on; default: where it was then."""
    weights: WeightType = "bfloat16"
    """How weights are stored; codebooks are float32 always."""
    clips: int = 2000
    """Training clips to fit the entropy models on."""
    force: bool = False
    """Overwrite an existing file."""


def run(options: Options) -> None:
    """Exports; says what was written.

    Raises:
      UserError: about the run, the data or the output.
    """
    if options.out.suffix != ".safetensors":
        raise UserError(f"{options.out}: the bundle's name must end in .safetensors")
    checkpoints = open_run(options.run)
    step = chosen_step(checkpoints, options.run, options.step)
    unranked = options.step == "best" and checkpoints.best_step() is None
    noted = " (the latest; none was validated)" if unranked else ""
    snapshot = load_snapshot(checkpoints, step)
    data = NotedData([options.data], None) if options.data else noted_data(options.run)
    clips = open_sets(data.folders, "train", data.weights)
    with Progress("") as progress:
        result = export_bundle(
            snapshot, clips, options.out, options.weights, options.clips, options.force, progress.show
        )
    chunks = result.origin.get("table_chunks")
    fitted = f", entropy models from {number_of(chunks, 'chunk')}" if chunks else ""
    say(
        f"{options.out}: step {step} of {options.run}{noted}, {options.out.stat().st_size:,} bytes{fitted}, "
        f"digest {result.digest[:16]}"
    )
