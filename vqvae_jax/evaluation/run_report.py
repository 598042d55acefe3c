"""From an evaluation file and a run's log to what the HTML report shows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqvae_jax.evaluation.report_data import Chart, Curve, Example, LevelUsage, Metric, Rate, ReportData, Tile
from vqvae_jax.evaluation.schema import CheckpointResult, MeanFigures, Result

# Name in the file, name on the page, decimals, whether less is better.
MEASURES = (
    ("psnr", "PSNR, dB", 2, False),
    ("ssim", "SSIM", 4, False),
    ("difference_psnr", "PSNR of frame differences, dB", 2, False),
    ("perceptual", "perceptual distance (VGG-16)", 4, True),
)


def run_report(
    result: Result,
    log: Sequence[Mapping[str, Any]],
    examples: Sequence[Example] = (),
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> ReportData:
    """The report of the last checkpoint in `result`.

    Args:
      result: an evaluation file with at least one checkpoint.
      log: the run's `metrics.jsonl`, as `read_metrics` gives it.
      examples: clips beside their reconstructions.
      notes: what the reader must know first.
      commands: what was typed.
    """
    entry, data, run = result["checkpoints"][-1], result["data"], result["run"]
    frames, height, width = data["clip_shape"][:3]
    clips = len(data["clip_ids"])
    rate = "native frame rate" if data["fps"] is None else f"{data['fps']:g} frames/s"
    return ReportData(
        title=f"{run['name']}: {clips} {data['split']} clips, compressed and restored",
        subtitle=f"step {entry['step']} · {frames} frames of {width}×{height} at {rate}",
        notes=tuple(notes),
        tiles=tiles(result, entry),
        examples=tuple(examples),
        fps=data["fps"] or 16.0,
        methods=(run["name"], *(name.replace("_", " ") for name in result["baselines"])),
        metrics=metrics(result, entry),
        charts=charts(log, entry),
        levels=tuple(LevelUsage(name, np.asarray(level["counts"])) for name, level in entry["levels"].items()),
        rates=rates(result, entry),
        facts=(
            ("Model", f"{run['parameters']:,} parameters, {run['codebook_entries']:,} codebook entries"),
            ("Clips", f"{clips} of {data['clips_in_split']} in the {data['split']} split"),
            ("Data digest", data["digest"]),
            ("Checkpoint digest", entry["digest"]),
            ("Evaluated on", f"{entry['hardware']['devices']} × {entry['hardware']['device']}"),
            ("Evaluated at", entry["date"]),
            ("Versions", ", ".join(f"{name} {version}" for name, version in entry["versions"].items())),
        ),
        config=run["config"],
        commands=tuple(commands),
    )


def tiles(result: Result, entry: CheckpointResult) -> tuple[Tile, ...]:
    """Headline figures, each beside what costs nothing."""
    mean, rate = entry["quality"]["mean"], entry["rate"]
    baselines = [b["quality"]["mean"] for b in result["baselines"].values() if b["quality"] is not None]
    plain = {name: max((b[name] for b in baselines), default=None) for name in ("psnr", "ssim")}
    used = [f"{name} {level['usage']:.0%}" for name, level in entry["levels"].items()]
    all_codes = sum(level["codes"] for level in entry["levels"].values())
    in_use = sum(level["usage"] * level["codes"] for level in entry["levels"].values())
    return (
        Tile("PSNR", f"{mean['psnr']:.2f} dB", f"best without learning: {plain['psnr']:.2f}" if baselines else ""),
        Tile("SSIM", f"{mean['ssim']:.4f}", f"best without learning: {plain['ssim']:.4f}" if baselines else ""),
        Tile("Rate", f"{rate['deflate_bpp']:.3f} bpp", f"DEFLATE; by formula {rate['formula_bpp']:.3f}"),
        Tile("Codes in use", f"{in_use / all_codes:.0%}", ", ".join(used)),
    )


def metrics(result: Result, entry: CheckpointResult) -> tuple[Metric, ...]:
    """Model and baselines, row by row; a measure that nobody has is left out."""
    others = [b["quality"]["mean"] if b["quality"] is not None else None for b in result["baselines"].values()]
    columns: list[MeanFigures | None] = [entry["quality"]["mean"], *others]
    rows = [
        Metric(title, tuple(None if c is None else c[name] for c in columns), decimals, lower)  # type: ignore[literal-required]
        for name, title, decimals, lower in MEASURES
    ]
    if len(entry["levels"]) > 1:
        nothing = (None,) * len(others)
        rows += [
            Metric(f"PSNR without the {name} level, dB", (level["psnr_without"], *nothing))
            for name, level in entry["levels"].items()
        ]
    return tuple(row for row in rows if any(value is not None for value in row.values))


def rates(result: Result, entry: CheckpointResult) -> tuple[Rate, ...]:
    """The model's indices, counted three ways, and the same clips as H.264."""
    rate, h264 = entry["rate"], result["h264"]
    rows = [
        Rate("indices, by formula", rate["formula_bpp"], "every index at log2 K bits"),
        Rate("indices, DEFLATE", rate["deflate_bpp"], "zlib level 9 over uint16, one stream per clip"),
        Rate("indices, entropy", rate["entropy_bpp"], "of each level's code frequencies; no file reaches it exactly"),
    ]
    if h264["bpp"] is not None:
        rows.append(Rate("H.264", h264["bpp"], f"{h264['settings']}; another quality than the model's"))
    return tuple(row for row in rows if row.bpp > 0)


def charts(log: Sequence[Mapping[str, Any]], entry: CheckpointResult) -> tuple[Chart, ...]:
    """Losses, PSNR and codebook perplexity over training; PSNR over the frames of a clip."""

    def curve(name: str, key: str) -> Curve:
        known = [(line["step"], line[key]) for line in log if line.get(key) is not None]
        return Curve(
            name, *(np.array(column, np.float64) for column in (zip(*known, strict=True) if known else ((), ())))
        )

    by_position = np.asarray(entry["quality"]["psnr_by_position"])
    return (
        Chart("Losses", "step", (curve("reconstruction", "reconstruction"), curve("commitment", "commitment")), True),
        Chart("PSNR, dB", "step", (curve("training", "psnr"), curve("validation", "validation/psnr"))),
        Chart(
            "Codebook perplexity, training",
            "step",
            tuple(curve(name, f"{name}/perplexity") for name in entry["levels"]),
        ),
        Chart("PSNR by position in the clip, dB", "frame", (Curve("PSNR", np.arange(len(by_position)), by_position),)),
    )
