"""A table as Markdown, CSV and JSON."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from experiments.tables.schema import Row, Table
from vqvae_jax.data.card import table as markdown_table
from vqvae_jax.files import make_folder, write_atomically


def table_files(out: Path, number: int, budget: str) -> dict[str, Path]:
    """Paths of a table's Markdown, CSV and JSON."""
    return {kind: out / f"table{number}_{budget}.{kind}" for kind in ("md", "csv", "json")}


def write_table(out: Path, table: Table) -> dict[str, Path]:
    """Writes the three files, each by one rename; returns their paths.

    Raises:
      UserError: if they cannot be written.
    """
    make_folder(out)
    files = table_files(out, table["table"], table["budget"])
    write_atomically(files["json"], (json.dumps(table, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode())
    write_atomically(files["csv"], as_csv(table).encode())
    write_atomically(files["md"], as_markdown(table).encode())
    return files


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
            hardware = run["measured_on"]
            entry |= {
                "trained_with": "; ".join(run["trained_with"]),
                "measured_on": f"{hardware['devices']} x {hardware['device']}, {hardware['cores']} cores",
            }
        entry |= {"split": table["data"]["split"], "clips": table["data"]["clips"], "data": table["data"]["digest"]}
        entry |= {"budget": table["budget"], "remark": table["remark"]}
        columns.append(entry)
    names = list(dict.fromkeys(name for entry in columns for name in entry))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(columns)
    return text.getvalue()


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
    lines += ["", "## Notes", "", *(f"- {note}" for note in table["notes"])]
    lines += ["", f"`{table['command']}`, {table['date']}", ""]
    return "\n".join(lines)


def _aggregate(row: Row) -> list[str]:
    """Table 1: one model, a row per figure."""
    ours, paper = row["ours"], row["paper"]
    missing, run = row["reason"], row["run"]

    def linked(text: str) -> str:
        return text if run is None else f"[{text}]({run['evaluation']})"

    def cell(name: str, form: str) -> str:
        if ours is None:
            return str(missing)
        value = ours[name]  # type: ignore[literal-required]
        return "not measured" if value is None else linked(form.format(value))

    rows = [
        ["PSNR", cell("psnr", "{:.2f}"), f"{paper['psnr']:.2f}", "dB"],
        ["SSIM", cell("ssim", "{:.4f}"), f"{paper['ssim']:.4f}", "–"],
        ["PSNR of frame differences", cell("difference_psnr", "{:.2f}"), "–", "dB"],
        ["Perceptual distance", cell("perceptual", "{:.4f}"), "–", "–"],
        ["Rate, formula", cell("formula_bpp", "{:.4f}"), "–", "bpp"],
        ["Rate, DEFLATE", cell("deflate_bpp", "{:.4f}"), "–", "bpp"],
        ["Rate, entropy", cell("entropy_bpp", "{:.4f}"), "–", "bpp"],
        ["Compression ratio, denominator not stated", "–", f"{paper['compression_ratio']}", "×"],
        ["Compression reduction, denominator not stated", "–", f"{paper['reduction_percent']}", "%"],
    ]
    for whole, name in (("raw 24 bpp", "raw"), ("H.264", "h264")):
        for form in ("formula", "deflate"):
            share, title = f"{form}_share_of_{name}", {"formula": "formula", "deflate": "DEFLATE"}[form]
            rows.append([f"Compression ratio, {title} / {whole}", cell(share, "{:.4f}"), "–", "×"])
            value = None if ours is None else ours[share]  # type: ignore[literal-required]
            reduction = cell(share, "") if value is None else linked(f"{100 * (1 - value):.1f}")
            rows.append([f"Compression reduction, {title} / {whole}", reduction, "–", "%"])
    return markdown_table(["Metric", "Ours", "Paper", "Unit"], rows)


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
            cells = [row["label"], str(row["reason"]), theirs[0], "–", theirs[1]]
            cells += ["–", f"{paper['params_m']}"] if with_params else []
            rows.append(cells + ["–"] * 5)
            continue
        cells = [f"[{row['label']}]({run['folder']})", f"[{ours['psnr']:.2f}]({run['evaluation']})", theirs[0]]
        cells += [f"[{ours['ssim']:.4f}]({run['evaluation']})", theirs[1]]
        cells += [f"{ours['params_m']:.2f}", f"{paper['params_m']}"] if with_params else []
        cells += [f"{ours['formula_bpp']:.4f}", f"{ours['deflate_bpp']:.4f}", f"{ours['entropy_bpp']:.4f}"]
        cells += [_optional(ours["perceptual"], ".4f"), _optional(ours["difference_psnr"], ".2f")]
        rows.append(cells)
    return markdown_table(head, rows)


def _provenance(table: Table) -> list[str]:
    head = ["Run", "Steps × batch", "Seed", "Trained on", "Trained with", "Hours", "Measured on", "Evaluation"]
    rows = []
    for row in table["rows"]:
        run = row["run"]
        if run is None:
            rows.append([f"`{row['experiment']}`", str(row["reason"]), *["–"] * 6])
            continue
        hardware = run["measured_on"]
        rows.append(
            [
                f"[`{row['experiment']}`]({run['folder']})",
                f"{run['steps']:,} × {run['batch_size']}",
                str(run["seed"]),
                f"{run['training_clips']:,} clips, digest `{run['trained_on'][:12]}`",
                "; ".join(run["trained_with"]) or "not recorded",
                _optional(run["training_hours"], ".2f"),
                f"{hardware['devices']} x {hardware['device']}, {hardware['cores']} cores; clips `"
                f"{table['data']['digest'][:12]}`",
                f"[{Path(run['evaluation']).name}]({run['evaluation']})",
            ]
        )
    return markdown_table(head, rows)


def _optional(value: float | None, form: str) -> str:
    return "not measured" if value is None else format(value, form)
