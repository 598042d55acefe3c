"""What the benchmarks share: alternated timings, a Markdown table, JSON with machine, versions, threads and aims."""

import argparse
import datetime
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.report.table import number, pipes

Row = dict[str, Any]
RESULTS = Path("benchmarks/results")
VERDICTS = {True: "met", False: "not met", None: "not measured"}


class Timing(NamedTuple):
    """How long a call took."""

    first_s: float  # the first call alone, with compilation and first touches
    median_s: float  # of the later ones
    lowest_s: float
    highest_s: float


def options(program: str, document: str | None) -> argparse.ArgumentParser:
    """A parser with `--out`, the JSON file; by default benchmarks/results/PROGRAM.json."""
    parser = argparse.ArgumentParser(prog=f"benchmarks.{program}", description=_headline(document))
    out = RESULTS / f"{program}.json"
    parser.add_argument("--out", type=Path, default=out, help=f"JSON file to write; default {out}")
    return parser


def timings(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, Timing]:
    """Times each call. They take turns, so that a slow minute of the machine hits all of them alike.

    Each is called once beforehand: compilation and first touches are stated apart.
    """
    first = {name: _seconds(call) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            seconds[name].append(_seconds(call))
    return {name: Timing(first[name], statistics.median(s), min(s), max(s)) for name, s in seconds.items()}


def alternate(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The medians of `timings`."""
    return {name: timing.median_s for name, timing in timings(calls, repeats).items()}


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


def aim(what: str, measured: float | None, *, at_least: float | None = None, at_most: float | None = None) -> Row:
    """An aim and whether it was met; `met` is null where nothing was measured."""
    met = None
    if measured is not None:
        met = (at_least is None or measured >= at_least) and (at_most is None or measured <= at_most)
    return {"what": what, "at_least": at_least, "at_most": at_most, "measured": measured, "met": met}


def versions(*distributions: str) -> dict[str, str]:
    """Versions of installed distributions; those that are missing are left out."""
    found = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def missing(peer: str, module: str, extra: str) -> str | None:
    """Why a peer cannot be compared with, in one line; None if its module is installed."""
    return None if importlib.util.find_spec(module) else f"{peer} is not installed ({extra})"


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; numbers with four significant digits. Columns are those of all rows together."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return "\n".join(pipes(columns, [[cell(row.get(name)) for name in columns] for row in rows]))


def cell(value: Any) -> str:
    """A value in a table; numbers with four significant digits."""
    if isinstance(value, float | None):
        return number(value, ".4g")
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def write(
    out: Path,
    program: str,
    rows: Sequence[Row],
    *,
    peers: Mapping[str, str] | None = None,
    threads: Mapping[str, int] | None = None,
    aims: Sequence[Row] = (),
    left_out: Sequence[str | None] = (),
    **facts: Any,
) -> None:
    """Prints the table and writes it with command, machine, versions and date.

    Args:
      out: the JSON file; an older one is replaced.
      program: the benchmark's name, also its module's.
      rows: what was measured; ratios name the peer.
      peers: what was compared with, by name: its version.
      threads: that each side was allowed, where a benchmark compares sides.
      aims: from `aim`.
      left_out: why a peer could not be compared with, from `missing`; None entries are dropped.
      facts: anything else that a reader needs: data, settings, compile times.
    """
    print(table(rows))
    absent = [reason for reason in left_out if reason]
    result: dict[str, Any] = {
        "program": program,
        "about": _headline(getattr(sys.modules.get(f"benchmarks.{program}", sys.modules["__main__"]), "__doc__", "")),
        "command": f"python -m benchmarks.{program} " + " ".join(map(_shown, sys.argv[1:])),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "devices": [device.device_kind for device in jax.devices()],
            "load_average": round(os.getloadavg()[0], 2),
        },
        "threads": {"cores allowed": cores(), **(threads or {})},
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy")},
        "peers": dict(peers or {}),
        "left_out": absent,
        "aims": list(aims),
        **facts,
        "rows": list(rows),
    }
    make_folder(out.parent)
    write_atomically(out, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    for reason in absent:
        print(f"left out: {reason}")
    for entry in result["aims"]:
        print(
            f"aim: {entry['what']}: {'not measured' if entry['met'] is None else 'met' if entry['met'] else 'not met'}"
        )
    print(f"\nwritten: {out}")


def _headline(document: str | None) -> str:
    return (document or "").strip().split("\n")[0]


def _shown(argument: str) -> str:
    """An argument as it is written down: absolute paths say nothing on another machine but their name."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def cores() -> int:
    """How many this process may use; XLA starts as many threads."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """The CPU's model name where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
