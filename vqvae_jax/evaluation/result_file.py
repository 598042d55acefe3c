"""Reading, checking and writing the evaluation file; telling whether an existing one may be continued."""

import json
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.schema import SCHEMA, VERSION, CheckpointResult, Result
from vqvae_jax.files import write_atomically


def read_result(path: str | Path) -> Result:
    """Reads an evaluation file and checks every field against the schema.

    Raises:
      UserError: if it is missing, no JSON, no evaluation, of another version, or has a field
        missing or of a wrong type.
    """
    result = typing.cast(Result, read_versioned(Path(path), Result, "an evaluation", SCHEMA, VERSION))
    _check_lengths(result, str(path))
    return result


def read_versioned(
    path: Path, hint: Any, what: str, schema: str, version: int, renew: Callable[[dict[str, Any]], None] | None = None
) -> Any:
    """A JSON file that says what it is and in which version, every field checked.

    Args:
      path: of the file.
      hint: its TypedDict, with fields `schema` and `version`.
      what: "an evaluation", for errors.
      schema, version: what it must say.
      renew: brings what a file of an older version holds up to this one, in place.

    Raises:
      UserError: if it is missing, no JSON, something else, of another version or not as the schema says.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise UserError(f"{path} is a JSON file, but not {what} (its schema is not {schema!r})")
    if renew is not None:
        renew(content)
    if content.get("version") != version:
        raise UserError(f"{path} is {what} of version {content.get('version')!r}; this program reads {version}")
    check_schema(content, hint, str(path))
    return content


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
      UserError: if it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON file ({error})") from error


def check_schema(value: Any, hint: Any, file: str, field: str = "") -> None:
    """Raises a `UserError` that names file and field unless `value` has the type `hint`.

    Args:
      value: what JSON gave.
      hint: a TypedDict, list, dict, union with None, or plain type.
      file: for the error.
      field: path of the value inside the file.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    where = f"{file}: {field or 'content'}"
    if typing.is_typeddict(hint):
        fields = typing.get_type_hints(hint)
        if not isinstance(value, dict) or set(value) != set(fields):
            found = sorted(set(value) ^ set(fields)) if isinstance(value, dict) else value
            raise UserError(f"{where}: not as the schema says; missing or unknown: {found!r:.80}")
        for name, inner in fields.items():
            check_schema(value[name], inner, file, f"{field}.{name}".lstrip("."))
    elif origin is types.UnionType:
        if value is not None:
            check_schema(value, next(a for a in arguments if a is not type(None)), file, field)
    elif origin is list:
        if not isinstance(value, list):
            raise UserError(f"{where}: expected a list, found {value!r:.80}")
        for index, element in enumerate(value):
            check_schema(element, arguments[0], file, f"{field}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            raise UserError(f"{where}: expected an object, found {value!r:.80}")
        for name, element in value.items():
            check_schema(element, arguments[1], file, f"{field}.{name}")
    else:
        accepted = (int, float) if hint is float else hint
        if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not object):
            raise UserError(f"{where}: expected {hint.__name__}, found {value!r:.80}")


def _check_lengths(result: Result, file: str) -> None:
    """Raises a `UserError` unless every list per clip has an entry for each clip."""
    lists: dict[str, list[Any] | None] = {"h264.clip_bytes": result["h264"]["clip_bytes"]}
    qualities = {name: baseline["quality"] for name, baseline in result["baselines"].items()}
    for entry in result["checkpoints"]:
        qualities[f"step {entry['step']}"] = entry["quality"]
        for name, part in entry["without"].items():
            lists[f"step {entry['step']}.without.{name}.clip_psnr"] = part["clip_psnr"]
        if files := entry["files"]:
            for name in ("clip_ids", "bytes", "clip_psnr", "clip_ssim"):
                if len(files[name]) != files["clips"]:  # type: ignore[literal-required]
                    raise UserError(f"{file}: step {entry['step']}.files.{name} is not of {files['clips']} clips")
    for owner, quality in qualities.items():
        if quality is not None:
            lists |= {f"{owner}.quality.clips.{name}": values for name, values in quality["clips"].items()}  # type: ignore[misc]
    expected = len(result["data"]["clip_ids"])
    for name, values in lists.items():
        if values is not None and len(values) != expected:
            raise UserError(f"{file}: {name} has {len(values)} entries for {expected} clips")


def write_result(path: str | Path, result: Result) -> None:
    """Writes the file whole or not at all.

    Raises:
      UserError: if it cannot be written.
    """
    write_atomically(Path(path), layout(result).encode())


def check_continues(path: Path, old: Result, new: Result) -> None:
    """Raises a `UserError` unless `old`, found in `path`, is of the run, clips and trunk of `new`.

    Figures of another clip set, and perceptual distances of another trunk or other layer means, never meet in a file.
    """
    remedy = "write to another --out, or pass --force to begin it anew"
    for what, a, b in (
        ("run", old["run"]["identity"], new["run"]["identity"]),
        ("data set", (old["data"]["split"], old["data"]["digest"]), (new["data"]["split"], new["data"]["digest"])),
        ("number of clips", old["data"]["clip_ids"], new["data"]["clip_ids"]),
        ("perceptual trunk", _trunk(old), _trunk(new)),
    ):
        if a != b:
            values = f" ({_brief(a)}; now {_brief(b)})" if what != "run" else f" ({old['run']['folder']})"
            raise UserError(f"{path} holds an evaluation with another {what}{values}; {remedy}")


def find_checkpoint(result: Result, step: int) -> CheckpointResult | None:
    """The entry of a step, if it was measured."""
    return next((entry for entry in result["checkpoints"] if entry["step"] == step), None)


def _trunk(result: Result) -> tuple[str | None, tuple[float, ...]]:
    entry = result["perceptual"]
    return entry["trunk"], tuple(entry["layer_means"] or ())


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} clips"
    if isinstance(value, tuple):
        return " ".join(_brief(v) for v in value if v not in (None, ())) or "none"
    return f"{value[:12]}..." if isinstance(value, str) and len(value) > 40 else str(value)


def layout(value: Any, indent: str = "") -> str:
    """JSON with objects spread over lines and lists of numbers or names on one."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(key)}: {layout(v, inner)}" for key, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}" + ("\n" if not indent else "")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + layout(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
