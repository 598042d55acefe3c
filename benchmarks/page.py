"""The page of all results, results/README.md, made from the JSON files alone.

python -m benchmarks.page [--results DIR]
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.catalogue import CATALOGUE
from benchmarks.report import RESULTS, VERDICTS, Row, cell, table
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.files import write_atomically

PAGE = "README.md"
SHOWN = {"program", "about", "command", "date", "machine", "threads", "versions", "peers", "left_out", "aims", "rows"}
INTRODUCTION = """# Benchmarks

Made by `python -m benchmarks.page` from the JSON files beside it; `make bench` measures anew. Times are medians of runs
that took turns, without compilation, which is stated apart. Ratios are between programs on one machine in one run;
other programs may have run at the same time (see the load), which ratios survive better than seconds. Names of data:
`generated_data`, `generated_videos` are made on the spot where `python -m benchmarks` is given none (`inputs.py`)."""


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The results by benchmark, in the catalogue's order, others after it.

    Raises:
      UserError: if there are none, or a file is not a benchmark's result.
    """
    results = {}
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}); measure it again or remove it") from error
        if not isinstance(result, dict) or not (result.get("rows") or result.get("items")):
            raise UserError(f"{path} is no result of a benchmark: it has no rows; measure it again or remove it")
        results[path.stem] = result
    if not results:
        raise UserError(f"{folder} holds no results; run python -m benchmarks")
    order = list(CATALOGUE)
    return dict(sorted(results.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def page(results: Mapping[str, dict[str, Any]]) -> str:
    """The Markdown."""
    parts = [INTRODUCTION, "## Aims", aims(results) or "None of these results names an aim."]
    for name, result in results.items():
        parts += [f"## {name}", *(section(result) if "rows" in result else items(result))]
    missing = [name for name in CATALOGUE if name not in results]
    if missing:
        parts += ["## Not measured", ", ".join(missing) + ": no result in this folder."]
    return "\n\n".join(parts) + "\n"


def aims(results: Mapping[str, dict[str, Any]]) -> str:
    """One table of all aims; empty if there are none."""
    rows: list[Row] = [
        {
            "benchmark": f"[{name}](#{name})",
            "aim": entry["what"],
            "wanted": _wanted(entry),
            "measured": entry["measured"],
            "": VERDICTS[entry["met"]],
        }
        for name, result in results.items()
        for part in (result, *_parts(result).values())
        for entry in part.get("aims", [])
    ]
    return table(rows) if rows else ""


def _wanted(entry: Mapping[str, Any]) -> str:
    bounds = {"at least": entry["at_least"], "at most": entry["at_most"]}
    return ", ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)


def section(result: Mapping[str, Any]) -> list[str]:
    """A benchmark's paragraphs: what it is, its table, what could not be compared, how and where it was measured."""
    parts = [result["about"]] if result.get("about") else []
    parts.append(table(result["rows"]))
    parts += [f"Left out: {reason}." for reason in result.get("left_out", [])]
    parts.append("```\n" + result["command"].strip() + "\n```")
    facts = [result.get("date", "no date"), machine(result.get("machine", {}))]
    facts += [listed(key, result[key]) for key in ("versions", "peers", "threads") if result.get(key)]
    facts += [listed(key, value) for key, value in result.items() if key not in SHOWN and value not in ({}, [], None)]
    parts.append("; ".join(fact for fact in facts if fact) + ".")
    return parts


def items(result: Mapping[str, Any]) -> list[str]:
    """The paragraphs of a result of many parts, each with a state and, if it is done, a result of its own."""
    states = [
        {"item": name} | {key: found.get(key) for key in ("state", "seconds", "summary", "date")}
        for name, found in result["items"].items()
    ]
    parts = [table(states)]
    for name, found in _parts(result).items():
        parts += [f"### {name}", *section(found)]
    return parts


def _parts(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The results with rows that a result of many parts holds."""
    found = {name: item.get("result") or {} for name, item in result.get("items", {}).items()}
    return {name: part for name, part in found.items() if part.get("rows")}


def machine(entry: Mapping[str, Any]) -> str:
    """Processor, cores, devices and load in words."""
    if not entry:
        return ""
    kinds: Sequence[str] = sorted(set(entry["devices"]))
    devices = ", ".join(f"{entry['devices'].count(kind)} x {kind}" for kind in kinds)
    return f"{entry['processor']}, {entry['cores']} cores, devices {devices}, load {entry['load_average']}"


def listed(key: str, value: Any) -> str:
    """A fact as words; nested values as `name value`. Digests are cut to what tells them apart."""
    if isinstance(value, dict):
        inner = ", ".join(f"{name} {_short(part)}" for name, part in value.items() if not isinstance(part, dict))
        return f"{key.replace('_', ' ')}: {inner}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{key.replace('_', ' ')}: {len(value)}, in the JSON file"
    return f"{key.replace('_', ' ')} {_short(value)}"


def _short(value: Any) -> str:
    text = cell(value)
    return text[:12] if len(text) == 64 and " " not in text else text


def write_page(folder: Path) -> Path:
    """Writes the page into the folder of the results; returns its path."""
    path = folder / PAGE
    write_atomically(path, page(read_results(folder)).encode())
    return path


def main(results: Path = RESULTS) -> None:
    """Makes the page of all results.

    Args:
      results: folder of JSON files.
    """
    print(f"written: {write_page(results)}")


if __name__ == "__main__":
    run_command("benchmarks.page", lambda: parse(main, "python -m benchmarks.page"))
