"""What the benchmarks share: alternated timings, a Markdown table, JSON with the machine it was measured on."""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

Row = dict[str, Any]


def options(program: str, document: str | None) -> argparse.ArgumentParser:
    """A parser with `--out`, the JSON file; by default benchmarks/results/PROGRAM.json."""
    parser = argparse.ArgumentParser(prog=f"benchmarks.{program}", description=(document or "").splitlines()[0])
    out = Path("benchmarks/results") / f"{program}.json"
    parser.add_argument("--out", type=Path, default=out, help=f"JSON file to write; default {out}")
    return parser


def alternate(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each call. They take turns, so that a slow minute of the machine hits all of them alike.

    Each is called once beforehand: compilation and first touches do not count.
    """
    for call in calls.values():
        jax.block_until_ready(call())
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            jax.block_until_ready(call())
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; numbers with four significant digits."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def write(out: Path, program: str, rows: Sequence[Row], **facts: Any) -> None:
    """Prints the table and writes it with command, machine, versions and date."""
    print(table(rows))
    result = {
        "command": f"python -m benchmarks.{program} " + " ".join(map(_shown, sys.argv[1:])),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "devices": [device.device_kind for device in jax.devices()],
            "load_average": round(os.getloadavg()[0], 2),
        },
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy")},
        **facts,
        "rows": list(rows),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten: {out}")


def _shown(argument: str) -> str:
    """An argument as it is written down: absolute paths say nothing on another machine but their name."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def processor() -> str:
    """The CPU's model name where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
