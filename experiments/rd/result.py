"""Reading, checking and writing `rd.json`; what is there is not lost to a smaller measurement."""

import math
import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.rd.schema import CLASSICAL, SCHEMA, VERSION, RateDistortion, family, kind
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.result_file import layout, read_versioned
from vqvae_jax.evaluation.schema import DataEntry, Perceptual
from vqvae_jax.files import write_atomically

RESULT = "rd.json"


def read_rd(path: str | Path) -> RateDistortion:
    """Reads a rate-distortion file and checks every field against the schema.

    Raises:
      UserError: if it is missing, no JSON, of another kind or version, or has a field missing, of a wrong type or a
        list of a wrong length.
    """
    schema = (RateDistortion, "a rate-distortion file", SCHEMA, VERSION)
    result = typing.cast(RateDistortion, read_versioned(Path(path), *schema, _say_kinds))
    check_points(result, str(path))
    return result


def _say_kinds(content: dict[str, Any]) -> None:
    """Version 1 to 2: entries say what they are; to 3: and where they come from."""
    codecs = content.get("codecs")
    if content.get("version") == 1 and isinstance(codecs, dict) and all(isinstance(e, dict) for e in codecs.values()):
        content["version"] = 2
        content["codecs"] = {name: {"kind": kind(name), "family": family(name), **e} for name, e in codecs.items()}
    if content.get("version") == 2:
        content["version"], content["added"] = 3, []


def write_rd(path: Path, result: RateDistortion) -> None:
    """Writes the file whole or not at all.

    Raises:
      UserError: if it cannot be written.
    """
    write_atomically(path, layout(result).encode())


def check_points(result: RateDistortion, file: str) -> None:
    """Raises a `UserError` unless every list of a point fits its clips, its numbers are finite and rates fall."""
    known = set(result["data"]["clip_ids"])
    for name, codec in result["codecs"].items():
        rates = [point["rate"]["bpp"] for point in codec["points"]]
        if rates != sorted(rates, reverse=True):
            raise UserError(f"{file}: codecs.{name}.points are not in the order of falling rate")
        for point in codec["points"]:
            where = f"{file}: codecs.{name} {point['setting']}"
            strange = set(point["clip_ids"]) - known
            if strange:
                raise UserError(f"{where}: clip {min(strange)} is not one of data.clip_ids")
            quality, rate = point["quality"], point["rate"]
            lists: dict[str, list[Any] | None] = {
                "rate.bytes": rate["bytes"],
                "rate.payload_bytes": rate["payload_bytes"],
                "ms_ssim.clips": point["ms_ssim"]["clips"],
                "vmaf.clips": point["vmaf"]["clips"],
                **{f"quality.clips.{key}": typing.cast(Any, values) for key, values in quality["clips"].items()},
            }
            for key, values in lists.items():
                if values is not None and len(values) != len(point["clip_ids"]):
                    raise UserError(f"{where}: {key} has {len(values)} entries for {len(point['clip_ids'])} clips")
                if values is not None and not all(map(math.isfinite, values)):
                    raise UserError(f"{where}: {key} has a value that is not finite")


def read_earlier(
    files: Sequence[Path], data: DataEntry, perceptual: Perceptual, measured: Collection[str]
) -> list[RateDistortion]:
    """Earlier results that can stand beside what will be measured.

    Args:
      files: of theirs.
      data, perceptual: of what will be measured.
      measured: codecs of that.

    Raises:
      UserError: if one cannot be read, is of other clips or another perceptual distance, or has a codec that another
        has, too.
    """
    found, taken = [], set(measured)
    for path in files:
        earlier = read_rd(path)
        if _compared(earlier["data"]) != _compared(data):
            raise UserError(f"--add {path}: was measured on other clips")
        without = earlier["perceptual"]["trunk"] is None  # then null for its codecs alone
        if not without and _compared(earlier["perceptual"]) != _compared(perceptual):
            raise UserError(f"--add {path}: was measured with another perceptual distance, see --vgg-weights")
        if both := taken & set(earlier["codecs"]):
            raise UserError(f"--add {path}: {min(both)} is measured now, or in another of these files, too")
        taken |= set(earlier["codecs"])
        found.append(earlier)
    return found


def add_results(result: RateDistortion, earlier: Sequence[RateDistortion]) -> None:
    """Puts the codecs of earlier results into one, classical ones first, and says where they come from."""
    for other in earlier:
        before = {name for added in other["added"] for name in added["codecs"]}
        result["added"].append(
            {
                "codecs": [name for name in other["codecs"] if name not in before],
                "command": other["command"],
                "hardware": other["hardware"],
                "versions": other["versions"],
                "date": other["date"],
            }
        )
        result["added"] += other["added"]
        result["codecs"] |= other["codecs"]
    order = [*CLASSICAL, *result["codecs"]]
    result["codecs"] = {name: result["codecs"][name] for name in dict.fromkeys(order) if name in result["codecs"]}


def _compared(entry: DataEntry | Perceptual) -> dict[str, Any]:
    """What must be the same in two results; folders may differ."""
    return {key: value for key, value in entry.items() if key not in ("folder", "provenance", "reason")}


def refuse_other_result(
    path: Path, clip_ids: Collection[str], digest: str, settings: Mapping[str, Collection[str]]
) -> None:
    """Raises a `UserError` if there is an rd.json that holds more than what is to be measured, or something else.

    Args:
      path: where the result will go.
      clip_ids: clips to be measured.
      digest: of their data set.
      settings: points to be measured, by codec.
    """
    if not path.exists():
        return
    hint = "choose another --out, or --force to replace it"
    try:
        old = read_rd(path)
    except UserError as error:
        raise UserError(f"{error}; {hint}") from error
    if old["data"]["digest"] != digest:
        raise UserError(f"{path} is of another data set or split ({old['data']['folder']}); {hint}")
    lost = len(set(old["data"]["clip_ids"]) - set(clip_ids))
    if lost:
        raise UserError(f"{path} has {lost} clips that would not be measured now; {hint}")
    for name, entry in old["codecs"].items():
        for point in entry["points"]:
            if point["setting"] not in settings.get(name, ()):
                raise UserError(f"{path} has {entry['title']}, {point['setting']}, which would be lost; {hint}")
