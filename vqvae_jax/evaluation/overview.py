"""Evaluation results in words: lines for a terminal; several in one table, a row per checkpoint or bundle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vqvae_jax.evaluation.schema import CheckpointResult, Result
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


def describe_checkpoint(entry: CheckpointResult) -> str:
    """`step 500  PSNR 24.61 dB  SSIM 0.8123  files 0.2910 bpp, 24.58 dB, 0.8120  formula 0.3516 bpp  entropy 0.31`."""
    mean, files = entry["quality"]["mean"], entry["files"]
    parts = [f"step {entry['step']}", f"PSNR {mean['psnr']:.2f} dB", f"SSIM {mean['ssim']:.4f}"]
    if mean["perceptual"] is not None:
        parts.append(f"perceptual {mean['perceptual']:.4f}")
    if files is not None:
        parts.append(f"files {files['bpp']:.4f} bpp, {files['psnr']:.2f} dB, {files['ssim']:.4f}")
    for point in entry["curve"]:
        parts.append(f"quality {point['quality']:g} {point['files']['bpp']:.4f} bpp, {point['files']['psnr']:.2f} dB")
    parts += [f"{name} {bpp:.4f} bpp" for name, bpp in entry["estimates"].items()]
    return "  ".join(parts)


def describe_baselines(result: Result) -> str:
    """The PSNR of reconstructions without learning, the size as H.264, and what could not be measured and why."""
    known = [
        f"{name.replace('_', ' ')} {baseline['quality']['mean']['psnr']:.2f} dB"
        for name, baseline in result["baselines"].items()
        if baseline["quality"] is not None
    ]
    data, h264, perceptual = result["data"], result["h264"], result["perceptual"]
    trained_with = result["run"]["training_trunk"]
    size = f"{h264['bpp']:.4f} bpp" if h264["bpp"] is not None else f"not measured ({h264['reason']})"
    lines = [
        f"{len(data['clip_ids'])} of {data['clips_in_split']} {data['split']} clips; without learning: "
        f"{', '.join(known)}; as H.264 at its defaults: {size}"
    ]
    if perceptual["reason"] is not None:
        lines.append(f"perceptual distance not measured: {perceptual['reason']}")
    if None not in (trained_with, perceptual["trunk"]) and trained_with != perceptual["trunk"]:
        lines.append("perceptual distance measured with another trunk than the run was trained with")
    return "\n".join(lines)


def overview(results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """One row per checkpoint; what was not measured is None.

    Args:
      results: by the name that the row gets.
    """
    rows = []
    for name, result in results.items():
        for entry in result["checkpoints"]:
            mean = entry["quality"]["mean"]
            files: Any = entry["files"] or {}
            rows.append(
                {
                    "name": name,
                    "step": entry["step"],
                    "clips": len(result["data"]["clip_ids"]),
                    "psnr": mean["psnr"],
                    "ssim": mean["ssim"],
                    "perceptual": mean["perceptual"],
                    "file_clips": files.get("clips"),
                    "file_bpp": files.get("bpp"),
                    "file_psnr": files.get("psnr"),
                    "file_ssim": files.get("ssim"),
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
