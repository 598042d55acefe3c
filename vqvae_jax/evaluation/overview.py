"""Several evaluations in one table: a row per checkpoint or bundle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vqvae_jax.evaluation.schema import Result
from vqvae_jax.files import write_all
from vqvae_jax.report.table import csv_text, number, pipes

NAME = "table"
HEADER = {
    "name": ("run", ""),
    "step": ("step", "d"),
    "clips": ("clips", "d"),
    "psnr": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "perceptual": ("perceptual", ".4f"),
    "file_clips": ("files", "d"),
    "file_bpp": ("bpp of files", ".4f"),
    "file_psnr": ("their PSNR", ".2f"),
    "file_ssim": ("their SSIM", ".4f"),
}


def overview(results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """One row per checkpoint; what was not measured is None.

    Args:
      results: by the name that the row gets.
    """
    rows = []
    for name, result in results.items():
        for entry in result["checkpoints"]:
            mean, files = entry["quality"]["mean"], entry["files"]
            rows.append(
                {
                    "name": name,
                    "step": entry["step"],
                    "clips": len(result["data"]["clip_ids"]),
                    "psnr": mean["psnr"],
                    "ssim": mean["ssim"],
                    "perceptual": mean["perceptual"],
                    "file_clips": None if files is None else files["clips"],
                    "file_bpp": None if files is None else files["bpp"],
                    "file_psnr": None if files is None else files["psnr"],
                    "file_ssim": None if files is None else files["ssim"],
                    **{f"{estimate}_bpp": bpp for estimate, bpp in entry["estimates"].items()},
                }
            )
    return rows


def markdown(rows: list[dict[str, Any]]) -> list[str]:
    """Lines of a pipe table; what was not measured is a dash, and columns that nobody has are left out."""
    columns = list(dict.fromkeys([*HEADER, *(name for row in rows for name in row)]))
    names = [name for name in columns if any(row.get(name) is not None for row in rows)]
    heads = [HEADER.get(name, (f"{name.removesuffix('_bpp')}, bpp", ".4f")) for name in names]
    cells = [[number(row.get(n), form) for n, (_, form) in zip(names, heads, strict=True)] for row in rows]
    return pipes([head for head, _ in heads], cells, 1)


def write_overview(folder: Path, rows: list[dict[str, Any]]) -> list[Path]:
    """Writes table.md, table.csv and table.json, each by one rename; replaces earlier ones.

    Raises:
      UserError: if one cannot be written.
    """
    contents = {
        f"{NAME}.md": "\n".join(markdown(rows)) + "\n",
        f"{NAME}.csv": csv_text(rows, tuple(HEADER)),
        f"{NAME}.json": json.dumps(rows, indent=2, allow_nan=False, ensure_ascii=False) + "\n",
    }
    return write_all(folder, contents)
