"""The files beside the JSON: CSV per clip, plot, picture grid."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.family import Snapshot
from vqvae_jax.evaluation.grid import chosen_records, grid_png
from vqvae_jax.evaluation.model_figures import ModelMeasurement
from vqvae_jax.evaluation.plot import plot_png
from vqvae_jax.evaluation.result_file import find_checkpoint
from vqvae_jax.evaluation.schema import Result
from vqvae_jax.files import write_atomically


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
    files = side_files(out)
    if changed or not files["table"].exists():
        write_atomically(files["table"], clip_table(result).encode())
    if changed or not files["plot"].exists():
        write_atomically(files["plot"], plot_png(result))
    if changed or not files["grid"].exists():
        picture = grid()
        if picture is not None:
            write_atomically(files["grid"], picture)


def grid_picture(result: Result, measurement: ModelMeasurement, snapshot: Snapshot, batches: Batches) -> bytes:
    """PNG of some clips before and after the model; the same clips for every checkpoint and run."""
    records = chosen_records(batches.count)
    entry = find_checkpoint(result, snapshot.step)
    psnr = None if entry is None else entry["quality"]["clips"]["psnr"]
    run, split = result["run"]["name"], result["data"]["split"]
    files = None if entry is None else entry["files"]
    rate = "" if files is None else f", {files['bpp']:.3f} bpp"
    return grid_png(
        f"{run}, step {snapshot.step}, {split} clips{rate}",
        [result["data"]["clip_ids"][record] for record in records],
        batches.clips.read(records),
        measurement.reconstruct(snapshot, records),
        ["" if psnr is None else f"{psnr[record]:.2f} dB" for record in records],
    )


def clip_table(result: Result) -> str:
    """CSV: one row per checkpoint and clip."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    parts = list(result["checkpoints"][0]["without"])
    names = ("psnr", "ssim", "difference_psnr", "perceptual", "lossless_frames")
    of_files = ("bytes", "clip_psnr", "clip_ssim")
    of_parts = (f"psnr_without_{part}" for part in parts)
    writer.writerow(["step", "clip", *names, *of_parts, "file_bytes", "file_psnr", "file_ssim", "h264_bytes"])
    for entry in result["checkpoints"]:
        columns = [entry["quality"]["clips"][name] for name in names]  # type: ignore[literal-required]
        columns += [entry["without"][part]["clip_psnr"] for part in parts]
        files: Any = entry["files"] or dict.fromkeys(of_files, ()) | {"clip_ids": ()}
        for name in of_files:
            by_clip = dict(zip(files["clip_ids"], files[name], strict=True))
            columns.append([by_clip.get(clip, "") for clip in result["data"]["clip_ids"]])
        columns.append(result["h264"]["clip_bytes"])
        for row, clip in enumerate(result["data"]["clip_ids"]):
            values = ["" if column is None else column[row] for column in columns]
            writer.writerow([entry["step"], clip, *(f"{v:.6g}" if isinstance(v, float) else v for v in values)])
    return table.getvalue()
