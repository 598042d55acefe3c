"""The whole job: fit what is missing, measure, write."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.fit import parse_command
from experiments.runs.training import Launch
from experiments.scene_ablation.rows import ROWS, Row
from experiments.scene_ablation.table import write
from vqvae_jax.errors import say
from vqvae_jax.families import experiment_from
from vqvae_jax.mvc.count import parameters
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints, read_config
from vqvae_jax.training.logs import read_metrics

TERMS = ("flow/loss", "flow/entropy", "flow/mask", "consistency", "weights_bpp")  # of a log, where there are


def ablate(
    videos: Sequence[Path],
    out: Path,
    experiment: str,
    epochs: int,
    only: Sequence[str],
    launch: Launch | None,
    also: str = "",
) -> list[Path]:
    """Makes the table.

    Args:
      videos: of different names.
      out: folder of runs and results.
      experiment: named, which rows change.
      epochs: of every fit.
      only: names of rows that are fitted; none: all.
      launch: runs a program; raises `SystemExit` unless it succeeds. None fits nothing.
      also: options of `experiments.fit` for every row.

    Returns:
      The files written.

    Raises:
      UserError: if a run is of other options.
      SystemExit: if a fit failed or was interrupted.
    """
    found: dict[str, dict[str, Any]] = {}
    for video in videos:
        for row in ROWS:
            run = out / "runs" / video.stem / row.name
            words = [experiment, "--video", str(video), "--run", str(run), "--flow", str(out / "flow")]
            words += ["--training.epochs", str(epochs), *also.split(), *row.options.split()]
            if launch is not None and row.name in (only or [row.name]) and not complete(run, words):
                launch("experiments.fit", *words)
            if complete(run, words):
                found.setdefault(video.stem, {})[row.name] = figures(run, row)
    files = write(out, ROWS, found, experiment, epochs)
    say(*map(str, files))
    return files


def complete(run: Path, words: list[str]) -> bool:
    """Whether the run has done all the steps that its command line asks for."""
    steps = Checkpoints(run / FOLDER, read_only=True).steps()
    if not steps:
        return False
    _, wanted = parse_command(words)
    frames = experiment_from(read_config(run), str(run)).model.frames
    return steps[-1] >= wanted.training.total_steps(frames, wanted.data.batch_size)


def figures(run: Path, row: Row) -> dict[str, Any]:
    """What a complete run came to: of its last validation, and of the last window of its log."""
    lines, experiment = read_metrics(run), experiment_from(read_config(run), str(run))
    last = next(line for line in reversed(lines) if "validation/psnr" in line)
    trained = next(line for line in reversed(lines) if "pixel_loss" in line)
    speeds = [line["clips_per_second"] for line in lines if "clips_per_second" in line]
    return {
        "psnr": last["validation/psnr"],
        "bpp": last["validation/bpp"],
        "step": last["step"],
        "parameters": parameters(experiment.model),
        "pixels": math.prod(experiment.model.clip),
        "ms_per_step": 1e3 * experiment.data.batch_size / max(speeds),
        "terms": {name: trained[name] for name in TERMS if name in trained},
        "options": row.options.split(),
    }
