"""`vqvae-jax export`."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from vqvae_jax.codec.bundle import WeightType
from vqvae_jax.codec.export import export_bundle
from vqvae_jax.data.source import open_split
from vqvae_jax.entropy.fit import LEAST
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.snapshot import load_snapshot, open_run
from vqvae_jax.progress import Progress
from vqvae_jax.training.resume import DATA_FILE


@dataclass(frozen=True)
class Options:
    """A training run to a bundle: weights, codebooks, entropy models fitted on its training clips, configuration."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.safetensors")]
    """The .safetensors file to write."""
    run: Path
    """Folder of the run."""
    step: str = "best"
    """Checkpoint: best, latest or a number."""
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
    if options.clips < LEAST:
        raise UserError(f"clips={options.clips}; the entropy models need {LEAST} at least")
    checkpoints = open_run(options.run)
    steps = checkpoints.steps()
    if not steps:
        raise UserError(f"run {options.run} has no checkpoint yet")
    best = checkpoints.best_step()
    named = {"latest": steps[-1], "best": steps[-1] if best is None else best}
    if options.step not in named and not options.step.isdecimal():
        raise UserError(f"step={options.step!r}; expected best, latest or a number")
    step = named[options.step] if options.step in named else int(options.step)
    snapshot = load_snapshot(checkpoints, step)
    clips = open_split(data_of(options), "train")
    with Progress("") as progress:
        coding, fitting = (
            partial(progress.show, what) for what in ("coding training clips", "fitting the entropy model")
        )
        result = export_bundle(
            snapshot, clips, options.out, options.weights, options.clips, options.force, coding, fitting
        )
    print(
        f"{result.path}: step {step} of {options.run}, {result.bytes:,} bytes, entropy models from {result.chunks} "
        f"chunks, digest {result.digest[:16]}"
    )


def data_of(options: Options) -> Path:
    """The data set's folder.

    Raises:
      UserError: if it is neither given nor noted by the run.
    """
    if options.data is not None:
        return options.data
    noted = options.run / DATA_FILE
    try:
        folder = Path(json.loads(noted.read_text())["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"run {options.run} does not say where its data are; give them with --data DIR") from error
    if not folder.is_dir():
        raise UserError(f"the run's data were in {folder}, which is gone; give them with --data DIR")
    return folder
