"""One checkpoint on disk: `<step>/state` (Orbax arrays, nested by leaf path) and `<step>/record` (JSON).

The record holds what a checkpoint needs to stand alone: step, resolved config, data-stream state, metrics, and for
every leaf its shape, dtype and digest, closed by a digest of the record itself.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from vqvae_jax.errors import UserError
from vqvae_jax.training.digests import leaf_digest, named_leaves, nested

FORMAT = 2
#: Of format 1, which is read for ever, what is not one of these at the top of the state lies under `extras` now.
PLAIN_FIELDS = ("step", "params", "opt_state", "ema_params")
STATE, RECORD = "state", "record"
RECORD_FILE = "metadata"  # the name Orbax's JSON handler gives its file

# What Orbax, TensorStore and JSON raise on bytes that are not what they wrote.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, EOFError)


class DamagedCheckpointError(Exception):
    """A step's files are missing, cut or altered."""


class Record(NamedTuple):
    """Everything of a checkpoint but its arrays."""

    step: int
    stream_state: dict[str, Any]
    config: dict[str, Any]
    metrics: dict[str, float | None]
    leaves: dict[str, dict[str, Any]]  # path -> {"shape": [...], "dtype": "float32", "digest": "..."}
    format: int


def to_host(state: Any) -> dict[str, np.ndarray]:
    """Leaves by path, copied: the next train step donates, and so overwrites, the device's buffers."""
    return {name: np.array(leaf, copy=True) for name, leaf in named_leaves(jax.device_get(state)).items()}


def save_arguments(
    step: int,
    leaves: dict[str, np.ndarray],
    stream_state: Mapping[str, Any],
    config: Mapping[str, Any],
    metrics: Mapping[str, float] | None,
) -> ocp.args.Composite:
    """What Orbax is to write for one step.

    Raises:
      ValueError: if stream state or config are not JSON values.
    """
    content = {
        "format": FORMAT,
        "step": step,
        "stream_state": stream_state,
        "config": config,
        "metrics": {name: finite_or_none(value) for name, value in (metrics or {}).items()},
        "leaves": {
            name: {"shape": list(a.shape), "dtype": a.dtype.name, "digest": leaf_digest(a)}
            for name, a in leaves.items()
        },
    }
    try:
        content = json.loads(json.dumps(content, allow_nan=False))
    except TypeError as error:
        raise ValueError(f"stream state and config must be JSON values: {error}") from error
    content["digest"] = _content_digest(content)
    return ocp.args.Composite(**{STATE: ocp.args.PyTreeSave(nested(leaves)), RECORD: ocp.args.JsonSave(content)})


def finite_or_none(value: float) -> float | None:
    """The number, or None where it is infinite or not a number, which JSON cannot hold."""
    return float(value) if math.isfinite(value) else None


def read_record(step_folder: Path) -> Record:
    """Reads and verifies a step's record.

    Raises:
      DamagedCheckpointError: if it is missing or altered.
    """
    path = step_folder / RECORD / RECORD_FILE
    try:
        content = json.loads(path.read_bytes())
        digest = content.pop("digest")
        if digest != _content_digest(content):
            raise ValueError("its digest does not match")
        if content["format"] == 1:
            content["leaves"] = {_in_format_2(name): entry for name, entry in content["leaves"].items()}
        elif content["format"] != FORMAT:
            raise ValueError(f"it is of format {content['format']}, this program reads 1 and {FORMAT}")
        if str(content["step"]) != step_folder.name:
            raise ValueError(f"it is of step {content['step']}")
        return Record(*(content[field] for field in Record._fields))
    except _DAMAGE as error:
        raise DamagedCheckpointError(f"{path}: {_reason(error)}") from error


def read_state(step_folder: Path, record: Record, like: Any = None) -> Any:
    """Reads a step's arrays, verifies shape, dtype and digest of each, and puts them into the structure of `like`.

    Args:
      step_folder: `<folder>/<step>`.
      record: of the same step.
      like: a pytree of arrays or `jax.ShapeDtypeStruct`; None gives nested dictionaries.

    Returns:
      The state with NumPy arrays on the host.

    Raises:
      UserError: if `like` differs from the checkpoint in leaves, shapes or dtypes; names the leaf.
      DamagedCheckpointError: if data are missing or altered.
    """
    if like is not None:
        _check_alike(step_folder, record, named_leaves(like))
    try:
        leaves = _read_arrays(step_folder / STATE, record)
    except _DAMAGE as error:
        raise DamagedCheckpointError(f"{step_folder / STATE}: {_reason(error)}") from error
    for name, leaf in leaves.items():
        if leaf_digest(leaf) != record.leaves[name]["digest"]:
            raise DamagedCheckpointError(f"{step_folder / STATE}: the data of {name} were altered (digest)")
    if like is None:
        return nested(leaves)
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(like), [leaves[n] for n in named_leaves(like)])


def _read_arrays(path: Path, record: Record) -> dict[str, np.ndarray]:
    handler = ocp.PyTreeCheckpointHandler()
    stored = named_leaves(handler.metadata(path).tree)
    names = {_in_format_2(name) if record.format == 1 else name: name for name in stored}
    if set(names) != set(record.leaves):
        raise ValueError(f"the arrays are not those of the record: {sorted(set(names) ^ set(record.leaves))[:3]}")
    for name, entry in record.leaves.items():  # before anything of a wrong size is allocated
        leaf = stored[names[name]]
        found, expected = tuple(leaf.shape), tuple(entry["shape"])
        if found != expected or str(np.dtype(leaf.dtype)) != entry["dtype"]:
            raise ValueError(f"{name} is {leaf.dtype}{found} instead of {entry['dtype']}{expected}")
    as_numpy = nested({name: ocp.RestoreArgs(restore_type=np.ndarray) for name in stored})
    named = named_leaves(handler.restore(path, args=ocp.args.PyTreeRestore(restore_args=as_numpy)))
    return {name: np.asarray(named[names[name]]) for name in record.leaves}


def _in_format_2(name: str) -> str:
    """The name of a leaf that format 1 called `name`."""
    return name if name.split("/")[0] in PLAIN_FIELDS else f"extras/{name}"


def _check_alike(step_folder: Path, record: Record, wanted: dict[str, Any]) -> None:
    for name in sorted(set(wanted) ^ set(record.leaves)):
        owner = "this model needs" if name in wanted else "the checkpoint has"
        raise UserError(f"checkpoint {step_folder} is of another model: only {owner} {name}")
    for name, leaf in wanted.items():
        entry = record.leaves[name]
        for kind, found, expected in (
            ("shape", tuple(entry["shape"]), tuple(leaf.shape)),
            ("dtype", entry["dtype"], np.dtype(leaf.dtype).name),
        ):
            if found != expected:
                raise UserError(
                    f"checkpoint {step_folder} does not fit this model: {name} has {kind} {found}, expected {expected}"
                )


def _content_digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
