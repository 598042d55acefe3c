"""The files beside the JSON: CSV per clip, plot, picture grid."""

import csv
import io
from pathlib import Path

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.schema import Result


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


def clip_table(result: Result) -> str:
    """CSV: one row per checkpoint and clip."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    levels = list(result["checkpoints"][0]["levels"])
    names = ("psnr", "ssim", "difference_psnr", "perceptual", "lossless_frames")
    writer.writerow(
        ["step", "clip", *names, *(f"psnr_without_{level}" for level in levels), "deflate_bytes", "h264_bytes"]
    )
    for entry in result["checkpoints"]:
        columns = [entry["quality"]["clips"][name] for name in names]  # type: ignore[literal-required]
        columns += [entry["levels"][level]["clip_psnr_without"] for level in levels]
        columns += [entry["rate"]["deflate_bytes"], result["h264"]["clip_bytes"]]
        for row, clip in enumerate(result["data"]["clip_ids"]):
            values = ["" if column is None else column[row] for column in columns]
            writer.writerow([entry["step"], clip, *(f"{v:.6g}" if isinstance(v, float) else v for v in values)])
    return table.getvalue()
