"""The table as JSON, Markdown and a page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.scene_ablation.rows import Row
from vqvae_jax.files import write_all
from vqvae_jax.report.page import page, table_section
from vqvae_jax.report.table import NONE, Table, markdown, number

SCHEMA, VERSION = "vqvae_jax.scene_ablation", 1
TITLE = "What the parts of MVC give"
NOTE = (
    "One seed, short fits, more weights than such small scenes need: trends, not the paper's table. PSNR is of 8-bit "
    "frames by rounded weights and embeddings; bits are entropies, without headers and tables."
)
HEAD = ("", "PSNR (dB)", "to its base", "base", "bpp", "mean of W1", "TCL", "ms a step")


def write(
    out: Path, rows: Sequence[Row], found: Mapping[str, Mapping[str, Any]], experiment: str, epochs: int
) -> list[Path]:
    """Writes `scene_ablation.json`, `.md` and `.html`; returns their paths.

    Args:
      out: folder.
      rows: of the table.
      found: figures by video and row.
      experiment: that rows change.
      epochs: of every fit.

    Raises:
      UserError: if they cannot be written.
    """
    content = {
        "schema": SCHEMA, "version": VERSION, "experiment": experiment, "epochs": epochs,
        "rows": [row._asdict() for row in rows], "videos": found,
    }  # fmt: skip
    lede = f"{experiment}, {epochs} epochs"
    tables = [Table(video, "", HEAD, tuple(cells(rows, figures))) for video, figures in found.items()]
    text = "\n".join([f"# {TITLE}\n\n{lede}. {NOTE}\n", *map(markdown, tables)])
    whole = page(TITLE, lede, [NOTE], [table_section(table) for table in tables])
    made = json.dumps(content, indent=1, allow_nan=False) + "\n"
    return write_all(out, {"scene_ablation.json": made, "scene_ablation.md": text, "scene_ablation.html": whole})


def cells(rows: Sequence[Row], figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A line for each row; rows without figures say so."""
    labels = {row.name: row.label for row in rows}
    found = []
    for row in rows:
        own, base = figures.get(row.name), figures.get(row.base)
        if own is None:
            found.append((row.label, "not run", *[NONE] * (len(HEAD) - 2)))
            continue
        gain = number(None if base is None else own["psnr"] - base["psnr"], "+.2f")
        terms = [number(own["terms"].get(name), ".3f") for name in ("flow/mask", "consistency")]
        figure = [f"{own['psnr']:.2f}", gain, labels.get(row.base, NONE), f"{own['bpp']:.3f}"]
        found.append((row.label, *figure, *terms, f"{own['ms_per_step']:.1f}"))
    return found
