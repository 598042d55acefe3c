"""From `rd.json` to tables, plots and pages: `python -m experiments.rd.present --out DIR` draws anew without measuring.

Files beside OUT/rd.json: rd.md, rd.csv, rd_videos.csv, summary.json, rd.png, rd.svg, rd.html, rd_grid.png and
rd_moving.webp.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command, say
from vqvae_jax.progress import working
from vqvae_jax.stopping import stoppable

PICTURES = ("rd_grid.png", "rd_moving.webp")


@dataclass(frozen=True)
class PresentCommand:
    """Draws tables, plots, page and pictures of a measured rate-distortion folder anew."""

    out: Path
    """Folder with rd.json and the stored streams of its codecs; the files are written into it."""
    data: Path | None = None
    """Data set with the original clips; default: the one that rd.json names."""
    bundle: tuple[Path, ...] = ()
    """The models, for their pictures: bundles' files, or names of the package; default: $VQVAE_JAX_BUNDLE, or all of
    the package."""
    anchor: str | None = None
    """Codec that BD-rates compare with; default: x265, or the first with points where x265 has none."""


def present(command: PresentCommand, say: Callable[[str], None] = say) -> list[Path]:
    """Writes every file that is made from OUT/rd.json, each by one rename, replacing an earlier one.

    Pictures need the data set and the stored streams; without them the rest is written, and `say` is told a line for
    each that is missing.

    Returns:
      The files written.

    Raises:
      UserError: if rd.json is missing or not as the schema says or lacks the anchor, or a file cannot be written.
    """
    # NumPy, SciPy and matplotlib take a while: not for --help.
    from experiments.rd.charts import plot
    from experiments.rd.clips import grid, moving
    from experiments.rd.page import render, report
    from experiments.rd.result import RESULT, read_rd
    from experiments.rd.stored import shown_from_streams
    from experiments.rd.summary import chosen_anchor, summarise
    from experiments.rd.tables import points_csv, videos_csv
    from vqvae_jax.files import write_all
    from vqvae_jax.report.pictures import png

    out = command.out
    rd = read_rd(out / RESULT)
    anchor = chosen_anchor(rd, command.anchor)
    summary = summarise(rd, anchor)
    with working("drawing curves"):
        figures: dict[str, str | bytes] = {
            "summary.json": json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
            "rd.csv": points_csv(summary),
            "rd_videos.csv": videos_csv(rd),
            "rd.png": plot(rd, "png"),
            "rd.svg": plot(rd, "svg"),
        }
    written = write_all(out, figures)  # not lost where drawing clips is stopped
    with working("drawing clips"):  # minutes, where pictures are large
        shown = shown_from_streams(rd, out, anchor, command.data, command.bundle)
        files: dict[str, str | bytes] = {"rd.html": render(rd, summary, shown)}
        picture = None
        if shown.clips:
            picture = moving(shown.clips, shown.fps)
            files |= dict(zip(PICTURES, (png(grid(shown.clips)), picture.content), strict=True))
        files["rd.md"] = report(rd, summary, shown, picture)
    left = [name for name in PICTURES if not shown.clips and (out / name).exists()]
    for line in shown.missing:
        say(f"{line} {' and '.join(left)} left as they were." if left else line)
    return [*written, *write_all(out, files)]


def main() -> None:
    command = parse(PresentCommand, "python -m experiments.rd.present")
    with stoppable("rd.present", lambda: "each file is the old one or the new one, whole"):
        say(*map(str, present(command)))


if __name__ == "__main__":
    run_command("rd.present", main)
