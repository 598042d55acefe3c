"""A table from evaluations: our figures beside the paper's, and what each cell rests on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import cast

from experiments.runs.evaluations import Evaluation, relative
from experiments.runs.training import Run, TrainingData, data_digest
from experiments.tables.notes import notes
from experiments.tables.paper import Budget, PaperRow, PaperTable, Role
from experiments.tables.schema import (
    H264,
    SCHEMA,
    VERSION,
    Baseline,
    Figure,
    Measured,
    OurFigures,
    PaperFigures,
    Row,
    RunFacts,
    Table,
)
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import read_card
from vqvae_jax.evaluation.opening import versions
from vqvae_jax.metrics.rate import RAW_BPP
from vqvae_jax.training.logs import METRICS_FILE, read_metrics
from vqvae_jax.training.resume import trained_on


def build_table(
    paper: PaperTable,
    budget: Budget,
    runs: Mapping[Role, Run],
    evaluations: Mapping[Role, Evaluation],
    training: TrainingData,
    data: Path,
    out: Path,
    command: str,
    figure: Figure | None = None,
) -> Table:
    """The table's content.

    Args:
      paper: the paper's table.
      budget: whose experiments stand in it.
      runs: every model of the table, complete or not.
      evaluations: those measured on the table's split.
      training: the training split.
      data: the data set measured on.
      out: folder of the table's files.
      command: as typed, for the record.
      figure: figure 2, beside table 2.

    Raises:
      UserError: if the data set lacks the split.
    """
    measured = [evaluations[row.role] for row in paper.rows if row.role in evaluations]
    table: Table = {
        "schema": SCHEMA,
        "version": VERSION,
        "table": paper.number,
        "title": paper.title,
        "budget": budget.name,
        "remark": budget.remark,
        "proves": budget.proves,
        "command": command,
        "data": _measured(data, paper.split, measured),
        "training_data": str(training.folder),
        "rows": [_row(row, runs[row.role], evaluations.get(row.role), training, out) for row in paper.rows],
        "baselines": _baselines(measured),
        "h264": _h264(measured),
        "figure": figure,
        "notes": [],
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return {**table, "notes": notes(table, paper, read_card(training.folder), read_card(data))}


def logged_clips_per_second(folder: Path) -> float | None:
    """Median training throughput that a run has logged, validation left out; null if it has logged none.

    The first window is left out where there are others: it holds the first steps after compilation.
    """
    if not (folder / METRICS_FILE).is_file():
        return None
    rates = [line["clips_per_second"] for line in read_metrics(folder) if line.get("clips_per_second")]
    return median(rates[1:] or rates) if rates else None


def _row(paper: PaperRow, run: Run, evaluation: Evaluation | None, training: TrainingData, out: Path) -> Row:
    reason = "trained, not measured yet" if run.complete else f"not run yet ({run.state})"
    return {
        "label": paper.label,
        "experiment": run.experiment.name,
        "paper": cast(PaperFigures, {n: v for n, v in paper._asdict().items() if n not in ("label", "role")}),
        "ours": None if evaluation is None else _ours(evaluation),
        "run": None if evaluation is None else _facts(evaluation, training, out),
        "reason": reason if evaluation is None else None,
    }


def _ours(evaluation: Evaluation) -> OurFigures:
    mean, bpp = evaluation.entry["quality"]["mean"], evaluation.entry["estimates"]
    counts, h264 = evaluation.result["run"]["cost"], evaluation.result["h264"]["bpp"]
    return {
        "psnr": mean["psnr"],
        "ssim": mean["ssim"],
        "difference_psnr": mean["difference_psnr"],
        "perceptual": mean["perceptual"],
        "params_m": (counts["parameters"] + counts["codebook_entries"]) / 1e6,
        "parameters": counts["parameters"],
        "codebook_entries": counts["codebook_entries"],
        "formula_bpp": bpp["formula"],
        "deflate_bpp": bpp["deflate"],
        "entropy_bpp": bpp["entropy"],
        "formula_share_of_raw": bpp["formula"] / RAW_BPP,
        "deflate_share_of_raw": bpp["deflate"] / RAW_BPP,
        "formula_share_of_h264": None if h264 is None else bpp["formula"] / h264,
        "deflate_share_of_h264": None if h264 is None else bpp["deflate"] / h264,
    }


def _facts(evaluation: Evaluation, training: TrainingData, out: Path) -> RunFacts:
    run, experiment, entry = evaluation.run, evaluation.run.experiment, evaluation.entry
    rate = logged_clips_per_second(run.folder)
    clips = run.total * experiment.data.batch_size
    return {
        "folder": relative(run.folder, out),
        "evaluation": relative(evaluation.file, out),
        "steps": run.total,
        "batch_size": experiment.data.batch_size,
        "seed": experiment.training.seed,
        "checkpoint": entry["digest"],
        "trained_on": data_digest(run.folder),
        "training_clips": training.clips,
        "training_trunk": evaluation.result["run"]["training_trunk"],
        "trained_with": [str(machine) for machine in trained_on(run.folder)],
        "training_hours": None if rate is None else clips / rate / 3600,
        "measured_on": entry["hardware"],
        "measured": entry["date"],
    }


def _measured(data: Path, split: str, evaluations: list[Evaluation]) -> Measured:
    card, clips = read_card(data), open_split(data, split)
    known = evaluations[0].result["data"] if evaluations else None
    parameters = card.get("parameters", {})
    return {
        "folder": str(data),
        "split": split,
        "digest": clips.digest,
        "clip_shape": list(clips.clip_shape),
        "fps": known["fps"] if known else None,
        "resize": parameters.get("resize"),
        "split_rule": parameters.get("split"),
        "clips": len(known["clip_ids"]) if known else 0,
        "clips_in_split": len(clips),
    }


def _baselines(evaluations: list[Evaluation]) -> list[Baseline]:
    found = evaluations[0].result["baselines"] if evaluations else {}
    return [
        {
            "name": name,
            "psnr": None if (quality := baseline["quality"]) is None else quality["mean"]["psnr"],
            "ssim": None if quality is None else quality["mean"]["ssim"],
            "reason": baseline["reason"],
        }
        for name, baseline in found.items()
    ]


def _h264(evaluations: list[Evaluation]) -> H264 | None:
    if not evaluations:
        return None
    h264 = evaluations[0].result["h264"]
    return {"settings": h264["settings"], "bpp": h264["bpp"], "reason": h264["reason"]}
