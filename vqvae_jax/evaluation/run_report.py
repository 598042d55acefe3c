"""From an evaluation file and a run's log to what the HTML report shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
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
ZERO_ORDER = "of each level's code frequencies, whatever their order; a coder with memory, as DEFLATE is, can go below"

ESTIMATES = {
    "formula": ("indices, by formula", "every index at log2 K bits"),
    "deflate": ("indices, DEFLATE", "zlib level 9 over uint16, one stream per clip"),
    "entropy": ("indices, zero-order entropy", ZERO_ORDER),
}


def _levels(entry: CheckpointResult) -> Any:
    return entry["diagnostics"].get("levels", {})


def run_report(
    result: Result,
    log: Sequence[Mapping[str, Any]],
    examples: Sequence[Example] = (),
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
    training_clips: int | None = None,
) -> ReportData:
    """The report of the last checkpoint in `result`.

    Args:
      result: an evaluation file with at least one checkpoint.
      log: the run's `metrics.jsonl`, as `read_metrics` gives it.
      examples: clips beside their reconstructions.
      notes: what the reader must know first.
      commands: what was typed.
      training_clips: number of clips the run was trained on, if known.
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
        charts=charts(log, result, entry),
        levels=tuple(LevelUsage(name, np.asarray(level["counts"])) for name, level in _levels(entry).items()),
        rates=rates(result, entry),
        facts=(
            ("Run", Path(run["folder"]).name),
            ("Trained", trained(result, entry, training_clips)),
            ("Model", ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in run["cost"].items())),
            ("Evaluated clips", f"{clips} of {data['clips_in_split']} in the {data['split']} split"),
            ("Their digest", data["digest"]),
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
    mean, bpp, files = entry["quality"]["mean"], entry["estimates"], entry["files"]
    baselines = [b["quality"]["mean"] for b in result["baselines"].values() if b["quality"] is not None]
    plain = {name: max((b[name] for b in baselines), default=None) for name in ("psnr", "ssim")}
    levels = _levels(entry)
    used = " / ".join(f"{level['usage']:.1%}" for level in levels.values())
    codes = " / ".join(f"{level['codes']:,}" for level in levels.values())
    return (
        Tile("PSNR", f"{mean['psnr']:.2f} dB", f"best without learning: {plain['psnr']:.2f}" if baselines else ""),
        Tile("SSIM", f"{mean['ssim']:.4f}", f"best without learning: {plain['ssim']:.4f}" if baselines else ""),
        Tile("Rate", f"{files['bpp']:.3f} bpp", f"of files, {files['psnr']:.2f} dB")
        if files is not None
        else Tile("Rate", f"{bpp.get('deflate', 0):.3f} bpp", f"DEFLATE; by formula {bpp.get('formula', 0):.3f}"),
        Tile(f"Codes in use: {' / '.join(levels)}", used, f"of {codes}, chosen at least once"),
    )


def trained(result: Result, entry: CheckpointResult, clips: int | None) -> str:
    """How long and on what: `1,800 steps of 4 clips, drawn from 4,182 (digest f59d01f0...)`."""
    data: Any = result["run"]["config"]["data"]
    source = f"{clips:,}" if clips else "an unknown number"
    return (
        f"{entry['step']:,} steps of {data['batch_size']} clips, drawn from {source} "
        f"(digest {entry['trained_on'] or 'unknown'})"
    )


def metrics(result: Result, entry: CheckpointResult) -> tuple[Metric, ...]:
    """Model and baselines, row by row; a measure that nobody has is left out, or says why if a reason is known."""
    others = [b["quality"]["mean"] if b["quality"] is not None else None for b in result["baselines"].values()]
    columns: list[MeanFigures | None] = [entry["quality"]["mean"], *others]
    reasons = {"perceptual": result["perceptual"]["reason"]}
    rows = []
    for name, title, decimals, lower in MEASURES:
        values = tuple(None if c is None else c[name] for c in columns)  # type: ignore[literal-required]
        reason = reasons.get(name) if set(values) == {None} else None
        rows.append(Metric(title, values, decimals, lower, f"not measured: {reason}" if reason else ""))
    if len(entry["without"]) > 1:
        nothing = (None,) * len(others)
        rows += [
            Metric(
                f"PSNR without the {name} level, dB",
                (part["psnr"], *nothing),
                remark=f"decoded from the other level alone: the difference is what the {name} level adds",
            )
            for name, part in entry["without"].items()
        ]
    return tuple(row for row in rows if row.remark or any(value is not None for value in row.values))


def rates(result: Result, entry: CheckpointResult) -> tuple[Rate, ...]:
    """The model's indices, counted three ways, and the same clips as H.264."""
    h264, files = result["h264"], entry["files"]
    named = {name: ESTIMATES.get(name, (name, "")) for name in entry["estimates"]}
    rows = [Rate(title, entry["estimates"][name], remark) for name, (title, remark) in named.items()]
    if files is not None:
        rows.append(Rate("files", files["bpp"], f"whole, of {files['clips']} clips, {files['psnr']:.2f} dB"))
    if h264["bpp"] is not None:
        rows.append(Rate("H.264", h264["bpp"], f"{h264['settings']}; another quality than the model's"))
    return tuple(row for row in rows if row.bpp > 0)


def charts(log: Sequence[Mapping[str, Any]], result: Result, entry: CheckpointResult) -> tuple[Chart, ...]:
    """Losses, PSNR and codebook perplexity over training; PSNR over the frames of a clip beside the baselines'."""

    def curve(name: str, key: str) -> Curve:
        known = [(line["step"], line[key]) for line in log if line.get(key) is not None]
        return Curve(
            name, *(np.array(column, np.float64) for column in (zip(*known, strict=True) if known else ((), ())))
        )

    qualities = {result["run"]["name"]: entry["quality"]}
    for name, baseline in result["baselines"].items():
        if baseline["quality"] is not None:
            qualities[name.replace("_", " ")] = baseline["quality"]
    by_position = [
        Curve(name, np.arange(len(quality["psnr_by_position"])), np.asarray(quality["psnr_by_position"]))
        for name, quality in qualities.items()
    ]
    return (
        Chart("Losses", "step", (curve("reconstruction", "reconstruction"), curve("commitment", "commitment")), True),
        Chart("PSNR, dB", "step", (curve("training", "psnr"), curve("validation", "validation/psnr"))),
        Chart(
            "Codebook perplexity, training",
            "step",
            tuple(curve(name, f"{name}/perplexity") for name in _levels(entry)),
        ),
        Chart("PSNR by position in the clip, dB", "frame", tuple(by_position)),
    )
