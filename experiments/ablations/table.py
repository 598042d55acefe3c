"""The table as Markdown, CSV and JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np

from experiments.ablations.rows import Row
from experiments.runs.evaluations import Evaluation, relative
from experiments.runs.training import TrainingData
from vqvae_jax.evaluation.opening import versions
from vqvae_jax.files import write_all
from vqvae_jax.msvqvae.count import cost
from vqvae_jax.report.chart import Chart, Look, Series
from vqvae_jax.report.figure import figure
from vqvae_jax.report.table import NONE, csv_text, number, pipes
from vqvae_jax.training.resume import trained_on

SCHEMA, VERSION = "vqvae_jax.ablations", 1
SEED_GROUP = "Seed"
BETTER, WORSE, OTHER = Look("#2563a8", "#6ea8e0"), Look("#b4602c", "#e39468"), Look("#5b6470", "#a9b6c0")


def build(rows: Sequence[Row], measured: Mapping[str, Evaluation], data: TrainingData, command: str) -> dict[str, Any]:
    """The table's content; rows that are not measured have no figures. Gains over the base row are in dB of PSNR."""
    known = {name: _figures(evaluation) for name, evaluation in measured.items()}
    entries = []
    for row in rows:
        figures, base = known.get(row.name), known.get(row.base)
        gain = None if figures is None or base is None else figures["psnr"] - base["psnr"]
        entries.append({**row._asdict(), "options": list(row.options), "gain_db": gain, "figures": figures})
    first = next((evaluation.result["data"] for evaluation in measured.values()), None)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "command": command,
        "training_data": {"folder": data.folder.name, "clips": data.clips, "digest": data.digest},
        "measured_on": first,
        "rows": entries,
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write(out: Path, table: Mapping[str, Any]) -> list[Path]:
    """Writes `ablations.json`, `.csv`, `.md` and `.png`, each by one rename; returns their paths.

    Raises:
      UserError: if they cannot be written.
    """
    whole = json.dumps(table, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    texts = {"ablations.json": whole, "ablations.csv": as_csv(table), "ablations.md": as_markdown(table)}
    return write_all(out, {**texts, "ablations.png": plot(table["rows"])})


def as_csv(table: Mapping[str, Any]) -> str:
    """One line per row, figures side by side."""
    lines = []
    for row in table["rows"]:
        entry = {name: row[name] for name in ("name", "group", "label", "gain_db")} | {
            "options": " ".join(row["options"])
        }
        lines.append(entry | (row["figures"] or {}))
    return csv_text(lines)


def plot(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """PNG: a line per measured row that is compared with another one; the band is the spread of seeds."""
    known = {row["name"]: row for row in rows if row["gain_db"] is not None}
    shown = [row for row in known.values() if row["name"] != row["base"]]
    names = tuple(row["label"].replace("`", "") for row in shown)
    seeds = [row["gain_db"] for row in known.values() if row["group"] == SEED_GROUP]
    gains = np.array([row["gain_db"] for row in shown], np.float64)
    bases = [known[row["base"]]["figures"]["deflate_bpp"] for row in shown]
    bits = [100 * (row["figures"]["deflate_bpp"] / base - 1) for row, base in zip(shown, bases, strict=True)]
    places = np.arange(len(shown))
    better, worse = (
        Series(name, gains[chosen], places[chosen], "stems", look)
        for name, chosen, look in (("better", gains >= 0, BETTER), ("worse", gains < 0, WORSE))
    )
    band = (min(seeds), max(seeds)) if len(seeds) > 1 else None
    label = f"PSNR against the base row, dB; band: {len(seeds)} seeds"
    charts = [
        Chart("Gain", label, (better, worse), row_names=names, band=band, legend=False),
        Chart(
            "Bits",
            "DEFLATE bits against the base row, %",
            (Series("bits", np.array(bits), places, "stems", OTHER),),
            row_names=("",) * len(names),
            legend=False,
        ),
    ]
    return figure(charts, panel=(5.5, 1.4 + 0.27 * max(len(shown), 1)), widths=(3, 2))


def as_markdown(table: Mapping[str, Any]) -> str:
    """A table per group of rows."""
    data, measured = table["training_data"], table["measured_on"]
    lines = ["# Ablations", ""]
    if measured is not None:
        lines += [
            f"{len(measured['clip_ids'])} of {measured['clips_in_split']} validation clips (digest "
            f"`{measured['digest'][:8]}`); trained on {data['clips']:,} clips (digest `{data['digest'][:8]}`).",
            "",
        ]
    head = ["", "PSNR (dB)", "to base", "SSIM", "perceptual", "bpp formula", "DEFLATE", "entropy"]
    head += ["codes in use (%)", "perplexity", "GMAC", "parameters (M)", "options of `experiments.train ablation`"]
    for group, rows in groupby(table["rows"], key=lambda row: row["group"]):
        lines += [f"## {group}", "", *pipes(head, [_cells(row) for row in rows]), ""]
    return "\n".join([*lines, f"`{table['command']}`, {table['date']}", ""])


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    run, file, result, found = evaluation
    mean, levels = found["quality"]["mean"], cast(dict[str, Any], found["diagnostics"]["levels"])
    frames, height, width = result["data"]["clip_shape"][:3]
    costs = cost(run.experiment.model, (frames, height, width))
    return {
        **{name: mean[name] for name in ("psnr", "ssim", "difference_psnr", "perceptual")},
        **{f"{name}_bpp": found["estimates"][name] for name in ("formula", "deflate", "entropy")},
        **{f"{name}_usage": level["usage"] for name, level in levels.items()},
        **{f"{name}_perplexity": level["perplexity"] for name, level in levels.items()},
        "gmacs": (costs.encoder_macs + costs.decoder_macs) / 1e9,
        "parameters": costs.total,
        "steps": run.total,
        "batch_size": run.experiment.data.batch_size,
        "seed": run.experiment.training.seed,
        "checkpoint": found["digest"],
        "trained_with": "; ".join(map(str, trained_on(run.folder))),
        "evaluation": relative(file, run.folder.parents[1]),
    }


def _cells(row: Mapping[str, Any]) -> list[str]:
    figures, options = row["figures"], f"`{' '.join(row['options'])}`" if row["options"] else ""
    if figures is None:
        return [row["label"], "not run yet", *[NONE] * 10, options]
    levels = [name for name in ("top", "bottom") if f"{name}_usage" in figures]
    return [
        row["label"],
        f"{figures['psnr']:.2f}",
        number(None if row["name"] == row["base"] else row["gain_db"], "+.2f"),
        f"{figures['ssim']:.4f}",
        number(figures["perceptual"], ".3f", "not measured"),
        *(f"{figures[f'{kind}_bpp']:.4f}" for kind in ("formula", "deflate", "entropy")),
        " / ".join(f"{100 * figures[f'{name}_usage']:.1f}" for name in levels),
        " / ".join(f"{figures[f'{name}_perplexity']:.0f}" for name in levels),
        f"{figures['gmacs']:.2f}",
        f"{figures['parameters'] / 1e6:.2f}",
        options,
    ]
