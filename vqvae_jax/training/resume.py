"""Going on with a run: which options may change under way, and writing down what the run is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from vqvae_jax.errors import UserError
from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.training.task import Frozen

CONFIG_FILE = "config.json"
DATA_FILE = "data.json"  # where the training data were

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
      UserError: names the first field that makes this another run.
    """
    old, new = flat_fields(before), flat_fields(now)
    old.setdefault("family", new.get("family"))  # runs from before there were several do not name it
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    for name in sorted(changed, key=lambda name: (name != "name", name)):
        if name == "name":
            raise UserError(
                f"run {run_dir} is a {old.get(name)!r}, not a {new.get(name)!r}; give another --run, or --init-from to "
                "start from its weights"
            )
        if name not in MAY_CHANGE:
            raise UserError(
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
    """Raises a `UserError` if the run was started with another network than one of these."""
    for name, network in frozen.items():
        before = read_frozen(run_dir, name)
        if before not in (None, network.digest):
            raise UserError(
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
