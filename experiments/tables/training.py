"""Trains what is missing, each run in a process of its own, and writes down on what machine."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.tables.runs import Run
from vqvae_jax.errors import UserError
from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.losses.vgg_files import open_trunk_file
from vqvae_jax.losses.vgg_weights import ENVIRONMENT, find_vgg_weights

LEDGER = "training.jsonl"  # in --out
Launch = Callable[..., None]  # (module, *arguments); SystemExit unless the program succeeds


def check_weights(runs: Sequence[Run], weights: Path | None) -> None:
    """Asks, without reading the arrays, for VGG-16 weights if any of the runs still to train needs them.

    Raises:
      UserError: if they are missing or do not fit.
    """
    found = find_vgg_weights(weights)
    if found is not None:
        open_trunk_file(found)
        return
    needing = [run.experiment.name for run in runs if not run.complete and run.experiment.loss.gamma > 0]
    if needing:
        raise UserError(
            f"VGG weights: {', '.join(needing)} {'trains' if len(needing) == 1 else 'train'} with the perceptual loss; "
            f"pass --vgg-weights FILE or set ${ENVIRONMENT} (docs/training.md says where to get them), or --no-train"
        )


def train_missing(runs: Sequence[Run], data: Path, weights: Path | None, out: Path, launch: Launch) -> None:
    """Trains or resumes the runs that are not complete, one after the other.

    Raises:
      SystemExit: with a training's exit code if it failed or was interrupted.
    """
    waiting = [run for run in runs if not run.complete]
    machine = describe_machine() if waiting else ""
    options = [] if weights is None else ["--vgg-weights", weights]
    for run in waiting:
        began = time.monotonic()
        try:
            launch("experiments.train", run.experiment.name, "--data", data, "--run", run.folder, *options)
        finally:
            entry = {
                "experiment": run.experiment.name,
                "from_step": run.step or 0,
                "hardware": machine,
                "seconds": round(time.monotonic() - began, 1),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            _append(out / LEDGER, entry)


def training_machines(out: Path, name: str) -> list[str]:
    """The machines on which this program trained a run, without repetition; none if it was trained by other means."""
    return list(dict.fromkeys(entry["hardware"] for entry in _ledger(out / LEDGER) if entry["experiment"] == name))


def describe_machine() -> str:
    """The devices that a training started now would see: `1 x cpu, 2 cores`. Asked in another process, since the
    accelerator's memory must stay free for the training."""
    program = (
        "from vqvae_jax.evaluation.surroundings import hardware as h; d = h(); "
        "print(f\"{d['devices']} x {d['device']}, {d['cores']} cores\")"
    )
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def _append(path: Path, entry: dict[str, Any]) -> None:
    make_folder(path.parent)
    lines = [json.dumps(each, allow_nan=False) for each in [*_ledger(path), entry]]
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def _ledger(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [{**entry, "experiment": entry["experiment"], "hardware": entry["hardware"]} for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); mend it or move it away") from error
