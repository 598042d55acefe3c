"""What a table of points says between them: `python -m experiments.rd.crossings docs/rate_distortion.csv`.

Where our models are ahead of other codecs, the bits those need for the quality of each of our points, and everybody's
quality at chosen rates. Of means over all clips, interpolated by PCHIP over log rate, never beyond measured points.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from experiments.rd.quality_measures import MEASURES, Measure
from experiments.rd.schema import kind
from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.metrics.bd_rate import RateCurve, ahead, quality_at_rate, rate_at_quality
from vqvae_jax.report.table import NONE, Table, markdown

LARGEST = 16 * 2**20  # bytes of a table


@dataclass(frozen=True)
class CrossingsCommand:
    """Prints comparisons between the points of an rd.csv, as Markdown."""

    table: tyro.conf.Positional[Path]
    """The rd.csv of `python -m experiments.rd`."""
    at: tuple[float, ...] = ()
    """Rates, in bits per pixel, at which to compare qualities."""

    def __post_init__(self) -> None:
        for rate in self.at:
            check(math.isfinite(rate) and rate > 0, "at", rate, "a number above 0")


@dataclass(frozen=True)
class Curves:
    """The points of one codec."""

    title: str
    learned: bool
    settings: tuple[str, ...]
    rate: np.ndarray  # [N] bits per pixel
    figures: dict[str, np.ndarray]  # by measure, [N]; NaN where it was not measured

    def curve(self, measure: Measure) -> RateCurve:
        """Points that have the figure; a distance comes with a minus."""
        known = np.isfinite(self.figures[measure.name])
        return RateCurve(self.rate[known], measure.sign * self.figures[measure.name][known])


def read_curves(path: Path) -> dict[str, Curves]:
    """Curves by codec, in the file's order.

    Raises:
      UserError: if the file is missing or no such table.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: larger than {LARGEST >> 20} MiB; that is no rd.csv")
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table ({getattr(error, 'strerror', None) or error})") from error
    names = [measure.name for measure in MEASURES]
    lacking = {"codec", "title", "setting", "bpp", *names} - set(rows[0] if rows else ())
    if lacking:
        raise UserError(f"{path}: no rd.csv of experiments.rd: it has no column {min(lacking)}")
    curves = {}
    for codec in dict.fromkeys(row["codec"] for row in rows):
        mine = [row for row in rows if row["codec"] == codec]
        try:
            rate = np.array([float(row["bpp"]) for row in mine])
            figures = {name: np.array([float(row[name] or "nan") for row in mine]) for name in names}
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: a row of {codec} holds something else than a number ({error})") from error
        title, said = mine[0]["title"], mine[0].get("kind") or kind(codec)  # older tables do not say it
        if not (np.isfinite(rate) & (rate > 0)).all():
            raise UserError(f"{path}: a row of {codec} has a rate that is not above 0")
        curves[codec] = Curves(title, said == "learned", tuple(row["setting"] for row in mine), rate, figures)
    return curves


def tables(curves: dict[str, Curves], rates: tuple[float, ...]) -> list[Table]:
    """The comparisons, those without rows left out."""
    shown = [m for m in MEASURES if any(np.isfinite(c.figures[m.name]).any() for c in curves.values())]
    found = [ahead_table(curves, shown), needed_table(curves, shown)]
    if rates:
        found += [at_rate_table(curves, measure, rates) for measure in shown]
    return [table for table in found if table.rows]


def ahead_table(curves: dict[str, Curves], shown: list[Measure]) -> Table:
    """A row for each of our models and each other codec."""
    rows = []
    for name in (name for name, found in curves.items() if found.learned):
        for other in curves:
            if other == name:
                continue
            cells = [_ranges(curves[name].curve(m), curves[other].curve(m)) for m in shown]
            rows.append((curves[name].title, curves[other].title, *cells))
    return Table(
        "Where ours is ahead",
        "Bits per pixel between which the first codec has more quality than the second at the same rate. [ and ]: the "
        "end of the rates that both cover, where nothing was measured further on.",
        ("codec", "ahead of", *(m.title for m in shown)),
        tuple(rows),
        names=2,
    )


def _ranges(ours: RateCurve, theirs: RateCurve) -> str:
    found = ahead(ours, theirs)
    if found is None:
        return NONE
    spans = [
        f"{'[' if low == found.low else ''}{low:.4f} to {high:.4f}{']' if high == found.high else ''}"
        for low, high in found.ranges
    ]
    return ", ".join(spans) or "nowhere"


def needed_table(curves: dict[str, Curves], shown: list[Measure]) -> Table:
    """A row for each of our points and each measure."""
    others = [name for name in curves if not curves[name].learned]
    rows = []
    for name in (name for name, found in curves.items() if found.learned):
        for index, setting in enumerate(curves[name].settings):
            for measure in shown:
                figure = float(curves[name].figures[measure.name][index])
                if not np.isfinite(figure):  # was not measured
                    continue
                cells = [_needed(curves[other].curve(measure), measure.sign * figure) for other in others]
                rows.append((setting, f"{curves[name].rate[index]:.4f}", measure.title, measure.format(figure), *cells))
    return Table(
        "Bits for the quality of ours",
        "Bits per pixel that others need for the figure; < and >: their cheapest point is better, their dearest worse.",
        ("point", "bpp", "measure", "figure", *(curves[other].title for other in others)),
        tuple(rows),
        names=1,
    )


def _needed(curve: RateCurve, quality: float) -> str:
    found = rate_at_quality(curve, quality)
    for sign, value in (("", found.rate), ("< ", found.below), ("> ", found.above)):
        if value is not None:
            return f"{sign}{value:.4f}"
    return NONE


def at_rate_table(curves: dict[str, Curves], measure: Measure, rates: tuple[float, ...]) -> Table:
    """A row for each codec, a column for each rate."""
    rows = []
    for entry in curves.values():
        found = [quality_at_rate(entry.curve(measure), rate) for rate in rates]
        rows.append((entry.title, *(measure.format(None if q is None else measure.sign * q) for q in found)))
    header = ("codec", *(f"{rate:g} bpp" for rate in rates))
    return Table(f"{measure.title} at a rate", f"{measure.label}.", header, tuple(rows))


def main() -> None:
    """Prints the tables."""
    command = parse(CrossingsCommand, "python -m experiments.rd.crossings")
    print("\n".join(markdown(table) for table in tables(read_curves(command.table), command.at)))


if __name__ == "__main__":
    run_command("rd.crossings", main)
