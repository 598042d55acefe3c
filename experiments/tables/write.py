"""A table as Markdown, CSV and JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.tables.schema import Row, RunFacts, Table
from vqvae_jax.files import write_all
from vqvae_jax.report.table import NONE, bullets, csv_text, number, pipes

UNKNOWN = "not measured"


def write_table(out: Path, table: Table) -> list[Path]:
    """Writes the three files, each by one rename; returns their paths.

    Raises:
      UserError: if they cannot be written.
    """
    name = f"table{table['table']}_{table['budget']}"
    whole = json.dumps(table, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return write_all(out, {f"{name}.md": as_markdown(table), f"{name}.csv": as_csv(table), f"{name}.json": whole})


def as_csv(table: Table) -> str:
    """One row per model: label, what we have, what the paper has, and what the cell rests on."""
    columns: list[dict[str, Any]] = []
    for row in table["rows"]:
        ours, run = row["ours"], row["run"]
        entry: dict[str, Any] = {"model": row["label"], "experiment": row["experiment"], "reason": row["reason"]}
        entry |= {f"paper_{name}": value for name, value in row["paper"].items()}
        if ours is not None and run is not None:
            entry |= ours
            kept = ("folder", "evaluation", "steps", "batch_size", "seed", "checkpoint", "trained_on", "training_hours")
            entry |= {name: run[name] for name in kept}  # type: ignore[literal-required]
            entry |= {"trained_with": "; ".join(run["trained_with"]), "measured_on": _machine(run)}
        entry |= {"split": table["data"]["split"], "clips": table["data"]["clips"], "data": table["data"]["digest"]}
        entry |= {"budget": table["budget"], "remark": table["remark"]}
        columns.append(entry)
    return csv_text(columns)


def as_markdown(table: Table) -> str:
    """The page: the table, what its cells rest on, figure 2 where it belongs, and the notes."""
    data = table["data"]
    lines = [
        f"# Table {table['table']}: {table['title']}",
        "",
        f"**Budget `{table['budget']}`. {table['remark']}**",
        "",
    ]
    if data["clips"]:
        lines += [f"{data['clips']} of {data['clips_in_split']} {data['split']} clips of `{data['folder']}`.", ""]
    lines += _aggregate(table["rows"][0]) if table["table"] == 1 else _comparison(table)
    lines += ["", "## What the cells rest on", "", *_provenance(table)]
    if (figure := table["figure"]) is not None:
        lines += ["", "## Figure 2", "", f"![Figure 2]({figure['picture']})", ""]
        lines += [f"![Figure 2, moving]({figure['moving']})"]
    lines += ["", "## Notes", "", bullets(table["notes"])]
    lines += ["", f"`{table['command']}`, {table['date']}", ""]
    return "\n".join(lines)


def _aggregate(row: Row) -> list[str]:
    """Table 1: one model, a row per figure."""
    ours, paper, run = row["ours"], row["paper"], row["run"]

    def cell(name: str, form: str, of: Callable[[float], float] = lambda value: value) -> str:
        value = None if ours is None else ours[name]  # type: ignore[literal-required]
        if ours is None or run is None or value is None:
            return UNKNOWN if ours is not None else str(row["reason"])
        return f"[{of(value):{form}}]({run['evaluation']})"

    rows = [
        ["PSNR", cell("psnr", ".2f"), f"{paper['psnr']:.2f}", "dB"],
        ["SSIM", cell("ssim", ".4f"), f"{paper['ssim']:.4f}", NONE],
        ["PSNR of frame differences", cell("difference_psnr", ".2f"), NONE, "dB"],
        ["Perceptual distance", cell("perceptual", ".4f"), NONE, NONE],
        ["Rate, formula", cell("formula_bpp", ".4f"), NONE, "bpp"],
        ["Rate, DEFLATE", cell("deflate_bpp", ".4f"), NONE, "bpp"],
        ["Rate, entropy", cell("entropy_bpp", ".4f"), NONE, "bpp"],
        ["Compression ratio, denominator not stated", NONE, f"{paper['compression_ratio']}", "×"],
        ["Compression reduction, denominator not stated", NONE, f"{paper['reduction_percent']}", "%"],
    ]
    for whole, name in (("raw 24 bpp", "raw"), ("H.264", "h264")):
        for form, title in (("formula", "formula"), ("deflate", "DEFLATE")):
            share, of = f"{form}_share_of_{name}", f"{title} / {whole}"
            rows.append([f"Compression ratio, {of}", cell(share, ".4f"), NONE, "×"])
            rows.append([f"Compression reduction, {of}", cell(share, ".1f", lambda v: 100 * (1 - v)), NONE, "%"])
    return pipes(["Metric", "Ours", "Paper", "Unit"], rows)


def _comparison(table: Table) -> list[str]:
    """Tables 2 and 3: a row per model, ours and the paper's side by side."""
    with_params = table["table"] == 2
    head = ["Model", "PSNR (dB)", "paper", "SSIM", "paper"]
    head += ["Params (M)", "paper"] if with_params else []
    head += ["bpp formula", "bpp DEFLATE", "bpp entropy", "Perceptual", "PSNR of differences (dB)"]
    rows = []
    for row in table["rows"]:
        ours, run, paper = row["ours"], row["run"], row["paper"]
        theirs = [f"{paper['psnr']:.2f}", f"{paper['ssim']:.4f}"]
        if ours is None or run is None:
            cells = [row["label"], str(row["reason"]), theirs[0], NONE, theirs[1]]
            cells += [NONE, f"{paper['params_m']}"] if with_params else []
            rows.append(cells + [NONE] * 5)
            continue
        cells = [f"[{row['label']}]({run['folder']})", f"[{ours['psnr']:.2f}]({run['evaluation']})", theirs[0]]
        cells += [f"[{ours['ssim']:.4f}]({run['evaluation']})", theirs[1]]
        cells += [f"{ours['params_m']:.2f}", f"{paper['params_m']}"] if with_params else []
        cells += [f"{ours['formula_bpp']:.4f}", f"{ours['deflate_bpp']:.4f}", f"{ours['entropy_bpp']:.4f}"]
        cells += [number(ours["perceptual"], ".4f", UNKNOWN), number(ours["difference_psnr"], ".2f", UNKNOWN)]
        rows.append(cells)
    return pipes(head, rows)


def _provenance(table: Table) -> list[str]:
    head = ["Run", "Steps × batch", "Seed", "Trained on", "Trained with", "Hours", "Measured on", "Evaluation"]
    rows = []
    for row in table["rows"]:
        run = row["run"]
        if run is None:
            rows.append([f"`{row['experiment']}`", str(row["reason"]), *[NONE] * 6])
            continue
        rows.append(
            [
                f"[`{row['experiment']}`]({run['folder']})",
                f"{run['steps']:,} × {run['batch_size']}",
                str(run["seed"]),
                f"{run['training_clips']:,} clips, digest `{run['trained_on'][:12]}`",
                "; ".join(run["trained_with"]) or "not recorded",
                number(run["training_hours"], ".2f", UNKNOWN),
                f"{_machine(run)}; clips `{table['data']['digest'][:12]}`",
                f"[{Path(run['evaluation']).name}]({run['evaluation']})",
            ]
        )
    return pipes(head, rows)


def _machine(run: RunFacts) -> str:
    hardware = run["measured_on"]
    return f"{hardware['devices']} x {hardware['device']}, {hardware['cores']} cores"
