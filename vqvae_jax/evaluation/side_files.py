"""The files beside the JSON: CSV per clip, plot, picture grid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vqvae_jax.data.source import evenly_spread
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.charts import plotted
from vqvae_jax.evaluation.model_figures import ModelMeasurement
from vqvae_jax.evaluation.result_file import find_checkpoint
from vqvae_jax.evaluation.schema import Result
from vqvae_jax.files import write_atomically
from vqvae_jax.report.figure import figure
from vqvae_jax.report.pictures import Board, Pane, amplified_error, draw, error_gain, png
from vqvae_jax.report.table import csv_text
from vqvae_jax.training.snapshot import Snapshot

SHOWN = 6  # clips of the picture grid


def chosen_records(count: int) -> list[int]:
    """Record numbers of the clips shown: evenly spread over `count`."""
    return evenly_spread(count, SHOWN)


def side_files(out: Path) -> dict[str, Path]:
    """Paths beside FILE.json: table, plot, grid."""
    return {
        "table": out.with_suffix(".csv"),
        "plot": out.with_suffix(".png"),
        "grid": out.with_name(f"{out.stem}_grid.png"),
    }


def refuse_foreign_side_files(out: Path) -> None:
    """Raises a `UserError` if a file of ours would replace one that no evaluation in `out` explains."""
    for path in side_files(out).values():
        if path.exists() and not out.exists():
            raise UserError(f"{path} exists and {out} does not; choose another --out, or pass --force to replace it")


def write_side_files(out: Path, result: Result, changed: bool, grid: Callable[[], bytes | None]) -> None:
    """Brings table, plot and grid up to date, each by one rename.

    Args:
      out: the JSON file.
      result: what is in it, at least one checkpoint.
      changed: whether it changed; otherwise only files that are missing are written.
      grid: draws the grid; None if the run no longer has a checkpoint for it.

    Raises:
      UserError: if a file cannot be written.
    """
    makers = {"table": lambda: clip_table(result).encode(), "plot": lambda: plot_png(result), "grid": grid}
    for name, path in side_files(out).items():
        if (changed or not path.exists()) and (content := makers[name]()) is not None:
            write_atomically(path, content)


def plot_png(result: Result) -> bytes:
    """PNG of the last checkpoint beside the baselines; more panels over steps when there are several."""
    data = result["data"]
    title = f"{result['run']['name']} on {len(data['clip_ids'])} {data['split']} clips"
    charts = plotted(result)
    return figure(charts, title, columns=min(len(charts), 3 if len(charts) == 3 else 2), panel=(5.2, 4.2))


def grid_picture(result: Result, measurement: ModelMeasurement, snapshot: Snapshot, batches: Batches) -> bytes:
    """PNG with a row per clip, the same for every checkpoint and run: an early and a late frame, original,
    reconstruction and error."""
    records = chosen_records(batches.count)
    entry = find_checkpoint(result, snapshot.step)
    psnr = None if entry is None else entry["quality"]["clips"]["psnr"]
    files = None if entry is None else entry["files"]
    rate = "" if files is None else f", {files['bpp']:.3f} bpp"
    title = f"{result['run']['name']}, step {snapshot.step}, {result['data']['split']} clips{rate}"
    remarks = ["" if psnr is None else f"{psnr[record]:.2f} dB" for record in records]
    labels = [f"{result['data']['clip_ids'][n]}\n{remark}" for n, remark in zip(records, remarks, strict=True)]
    originals, reconstructions = batches.clips.read(records), measurement.reconstruct(snapshot, records)
    frames = originals.shape[1]
    moments = sorted({frames // 4, 3 * frames // 4})
    gain = error_gain(originals[:, moments], reconstructions[:, moments])
    heads = [head for t in moments for head in (f"original, frame {t}", "reconstruction", f"error × {gain}")]
    rows = [
        tuple(Pane(p[t : t + 1]) for t in moments for p in (a, b, amplified_error(a, b, gain)))
        for a, b in zip(originals, reconstructions, strict=True)
    ]
    return png(draw(Board(tuple(heads), tuple(rows), tuple(labels), title, group=3)).frames[0])


def clip_table(result: Result) -> str:
    """CSV: one row per checkpoint and clip."""
    names = ("psnr", "ssim", "difference_psnr", "perceptual", "lossless_frames")
    rows = []
    for entry in result["checkpoints"]:
        columns = {name: entry["quality"]["clips"][name] for name in names}  # type: ignore[literal-required]
        columns |= {f"psnr_without_{name}": part["clip_psnr"] for name, part in entry["without"].items()}
        files: Any = entry["files"] or {"clip_ids": (), "bytes": (), "clip_psnr": (), "clip_ssim": ()}
        for name, key in (("file_bytes", "bytes"), ("file_psnr", "clip_psnr"), ("file_ssim", "clip_ssim")):
            by_clip = dict(zip(files["clip_ids"], files[key], strict=True))
            columns[name] = [by_clip.get(clip) for clip in result["data"]["clip_ids"]]
        columns["h264_bytes"] = result["h264"]["clip_bytes"]
        for place, clip in enumerate(result["data"]["clip_ids"]):
            values = {name: None if column is None else column[place] for name, column in columns.items()}
            shown = {name: f"{v:.6g}" if isinstance(v, float) else v for name, v in values.items()}
            rows.append({"step": entry["step"], "clip": clip, **shown})
    return csv_text(rows)
