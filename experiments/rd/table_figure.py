"""The figure of a table of points alone: `python -m experiments.rd.table_figure docs/rate_distortion.csv OUT.png`."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import tyro

from experiments.rd.charts import chart
from experiments.rd.quality_measures import MEASURES
from experiments.rd.schema import RateDistortion, kind
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.files import write_atomically
from vqvae_jax.report.figure import figure

DRAWN = ("psnr", "ssim", "difference_psnr", "perceptual")


@dataclass(frozen=True)
class Options:
    """Draws quality against bits per pixel from a table, where the measurements themselves are not at hand."""

    table: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TABLE.csv")]
    """Rows of codec, title, setting, bpp, payload_bpp, psnr, ssim, difference_psnr, perceptual, clips."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FIGURE.png")]
    """The picture; one that exists is replaced."""


def as_result(rows: Sequence[dict[str, str]]) -> RateDistortion:
    """As much of a result as charts look at."""
    codecs: dict[str, Any] = {}
    for row in rows:
        entry = codecs.setdefault(row["codec"], {"kind": kind(row["codec"]), "title": row["title"], "points": []})
        rate = {name: _number(row[name]) for name in ("bpp", "payload_bpp")}
        mean = {name: _number(row[name]) for name in DRAWN}
        entry["points"].append({"setting": row["setting"], "rate": rate, "quality": {"mean": mean}})
    return cast(RateDistortion, {"codecs": codecs})


def draw(table: Path) -> bytes:
    """The figure, a panel for each measure that any row has.

    Raises:
      UserError: if the table cannot be read or a column is missing.
    """
    try:
        rows = list(csv.DictReader(table.read_text().splitlines()))
        rd = as_result(rows)
        clips = sorted({row["clips"] for row in rows})
        if not rows:
            raise ValueError("it has no row")
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{table}: is no table of points ({error})") from error
    known = [m for m in MEASURES if m.name in DRAWN and any(row[m.name] for row in rows)]
    panels = [chart(rd, measure) for measure in known]
    title = f"{', '.join(clips)} clips; hollow marker: payload alone, without header and index"
    return figure([c._replace(title=c.y_label, y_label="") for c in panels], title, file_format="png")


def _number(text: str) -> float | None:
    return float(text) if text else None


def main(options: Options) -> None:
    write_atomically(options.out, draw(options.table))


if __name__ == "__main__":
    program = "python -m experiments.rd.table_figure"
    run_command(program, lambda: main(parse(Options, program)))
