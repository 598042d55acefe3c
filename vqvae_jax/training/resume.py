"""What a run writes down beside its checkpoints, and going on with it: which options may change under way."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vqvae_jax.errors import MismatchError, UserError
from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.training.task import Frozen

CONFIG_FILE = "config.json"
DATA_FILE = "data.json"  # where the training data were
MACHINES_FILE = "machines.json"

#: What changes neither the state's structure nor what a given step computes. Everything else makes another run.
MAY_CHANGE = frozenset(
    {
        "training.steps",
        "training.epochs",
        "training.mapping",
        "training.log_every",
        "training.checkpoint_every",
        "training.keep_every",
        "training.validate_every",
        "training.picture_every",
        "data.source",
        "data.workers",
        "data.threads",
        "data.on_corrupt",
        "model.lowering",
    }
)


def check_resumable(before: dict[str, Any], now: dict[str, Any], run_dir: Path) -> list[str]:
    """Compares the configuration of a run's checkpoint with the one asked for.

    Returns:
      Lines that say which options changed, all of them allowed.

    Raises:
      MismatchError: names the first field that makes this another run.
    """
    old, new = flat_fields(before), flat_fields(now)
    old.setdefault("family", new.get("family"))  # runs from before there were several do not name it
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    for name in sorted(changed, key=lambda name: (name != "name", name)):
        if name == "name":
            raise MismatchError(
                f"run {run_dir} is a {old.get(name)!r}, not a {new.get(name)!r}; give another --run, or --init-from to "
                "start from its weights"
            )
        if name not in MAY_CHANGE:
            raise MismatchError(
                f"run {run_dir} was started with {name}={old.get(name)!r}, not {new.get(name)!r}; give the same option "
                "to resume it, another --run to start anew, or --init-from to start from its weights"
            )
    return [f"{name}: {old.get(name)!r} -> {new.get(name)!r}" for name in changed]


def frozen_file(run_dir: Path, name: str) -> Path:
    """Where a run notes the digest and provenance of a frozen network that its training uses."""
    return run_dir / f"{name}.json"


def read_frozen(run_dir: Path, name: str) -> str | None:
    """Digest of the frozen network of this name that the run was started with, if it has one.

    Raises:
      UserError: if the file is damaged.
    """
    path = frozen_file(run_dir, name)
    if not path.is_file():
        return None
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); restore it or start another --run") from error


def check_same_frozen(frozen: Mapping[str, Frozen], run_dir: Path) -> None:
    """Raises a `MismatchError` if the run was started with another network than one of these."""
    for name, network in frozen.items():
        before = read_frozen(run_dir, name)
        if before not in (None, network.digest):
            raise MismatchError(
                f"run {run_dir} was started with {name} weights {str(before)[:12]}, not {network.digest[:12]}; give "
                f"the same --{name}-weights"
            )


def flat_fields(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of fields by their dotted names: `{"model": {"width": 96}}` -> `{"model.width": 96}`."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= flat_fields(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON in one rename; only the first process does.

    Raises:
      UserError: if the folder cannot be written.
    """
    if jax.process_index() != 0:
        return
    make_folder(path.parent)
    write_atomically(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


class NotedData(NamedTuple):
    """The data sets that a run was trained on, where they were then."""

    folders: list[Path]
    weights: list[float] | None  # how often each was drawn from; None: as often as it has clips


def noted_data(run: Path) -> NotedData:
    """What a run says of its data.

    Raises:
      UserError: if it does not say, or they are gone.
    """
    try:
        noted = json.loads((run / DATA_FILE).read_text())
        folders = [Path(folder) for folder in noted.get("folders", [noted["folder"]])]
        weights = noted.get("weights")
        data = NotedData(folders, None if weights is None else [float(w) for w in weights])
        data.folders[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"run {run} does not say where its data are; give them with --data DIR") from error
    for folder in data.folders:
        if not folder.is_dir():
            raise UserError(f"the run's data were in {folder}, which is gone; give them with --data DIR")
    return data


class Machine(NamedTuple):
    """What a training ran on."""

    devices: int  # of all processes
    device: str  # their kind
    cores: int  # of one process's machine

    def __str__(self) -> str:
        return f"{self.devices} x {self.device}, {self.cores} cores"


def this_machine() -> Machine:
    """The devices that JAX sees."""
    devices = jax.devices()
    return Machine(len(devices), devices[0].device_kind, os.cpu_count() or 1)


def note_machine(run: Path) -> None:
    """Adds this machine to those that trained the run, unless it is among them."""
    known = trained_on(run)
    if (machine := this_machine()) not in known:
        write_json(run / MACHINES_FILE, {"machines": [each._asdict() for each in (*known, machine)]})


def trained_on(run: Path) -> list[Machine]:
    """The machines that trained a run, first to last without repetition; empty if none is noted.

    Raises:
      UserError: if the file is damaged.
    """
    path = run / MACHINES_FILE
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["machines"]
        return [Machine(int(entry["devices"]), str(entry["device"]), int(entry["cores"])) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); mend it or move it away") from error
