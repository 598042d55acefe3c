"""A rate-trained run beside another codec: `python -m experiments.rd.training_curve RUN results/rd/rd.csv`.

What each validation of the run has more or less than the other codec at the same rate, by trained lambda. The run's
rates are those that its prior estimates; the other's are files of the same clips, measured by `python -m
experiments.rd` (`--split validation`, as many `--clips` as the run's `training.validation_clips`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from experiments.rd.crossings import read_curves
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.files import write_atomically
from vqvae_jax.metrics.bd_rate import RateCurve, quality_at_rate
from vqvae_jax.report.chart import Chart, Series
from vqvae_jax.report.figure import figure
from vqvae_jax.report.table import Table, markdown, number
from vqvae_jax.training.logs import read_metrics

_RATE = re.compile(r"validation/(\d+(?:\.\d+)?(?:e-?\d+)?)/bpp")


@dataclass(frozen=True)
class TrainingCurveCommand:
    """Prints dB more than another codec at the same rate, by step and lambda, as Markdown; draws it if asked to."""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    table: tyro.conf.Positional[Path]
    """The rd.csv of `python -m experiments.rd` on the run's validation clips."""
    other: str = "av1"
    """The codec of that table to compare with."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FIGURE.png")] = None
    """A picture of it; one that exists is replaced."""


def advantage(log: Sequence[Mapping[str, Any]], other: RateCurve) -> tuple[list[str], list[int], np.ndarray]:
    """Of each validation, PSNR above `other`'s at its own rate.

    Args:
      log: the run's `metrics.jsonl`, as `read_metrics` gives it.
      other: bits per pixel and PSNR.

    Returns:
      The trained lambdas as the log writes them, ascending; steps; dB, [steps, lambdas], NaN where `other` was not
      measured at that rate.
    """
    validations = [entry for entry in log if any(map(_RATE.fullmatch, entry))]
    lambdas = sorted({found[1] for entry in validations for found in map(_RATE.fullmatch, entry) if found}, key=float)
    gain = np.full((len(validations), len(lambdas)), np.nan)
    for row, entry in enumerate(validations):
        for column, name in enumerate(lambdas):
            rate, psnr = (entry.get(f"validation/{name}/{of}") for of in ("bpp", "psnr"))
            theirs = None if rate is None else quality_at_rate(other, rate)
            if psnr is not None and theirs is not None:
                gain[row, column] = psnr - theirs
    return lambdas, [entry["step"] for entry in validations], gain


def as_table(title: str, lambdas: Sequence[str], steps: Sequence[int], gain: np.ndarray) -> Table:
    """A row for each validation."""
    rows = tuple(
        (f"{step:,}", *(number(None if np.isnan(value) else float(value), "+.2f") for value in values))
        for step, values in zip(steps, gain, strict=True)
    )
    header = ("step", *(f"lambda {name}" for name in lambdas))
    return Table(title, "dB at the same bits per pixel; – where the other codec was not measured.", header, rows, 0)


def as_chart(title: str, lambdas: Sequence[str], steps: Sequence[int], gain: np.ndarray) -> Chart:
    """A line for each lambda, and one at nothing."""
    x = np.asarray(steps, float)
    lines = [Series(f"lambda {name}", x, gain[:, column]) for column, name in enumerate(lambdas)]
    level = Series("equal", x, np.zeros(1), kind="level")
    return Chart(title, "step", (*lines, level), "dB at the same rate", whole_x=True)


def main() -> None:
    """Prints the table.

    Raises:
      UserError: if run, table or codec are missing, or the run's log holds no rates.
    """
    command = parse(TrainingCurveCommand, "python -m experiments.rd.training_curve")
    curves = read_curves(command.table)
    if command.other not in curves:
        raise UserError(f"{command.table} has no codec {command.other}; it has {', '.join(curves)}")
    other = curves[command.other]
    found = advantage(read_metrics(command.run), RateCurve(other.rate, other.figures["psnr"]))
    if not found[1]:
        raise UserError(f"{command.run}: its log holds no validation by lambda; is it a run of ntc that has validated?")
    title = f"PSNR of {command.run.name} above {other.title}"
    print(markdown(as_table(title, *found)))
    if command.out is not None:
        write_atomically(command.out, figure([as_chart(title, *found)], title))


if __name__ == "__main__":
    run_command("rd.training_curve", main)
