"""What the benchmarks share: their programs, timings in turns, tables, JSON with machine, versions and aims."""

import datetime
import functools
import importlib.util
import inspect
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import jax
import tyro

from vqvae_jax.command_line import parse
from vqvae_jax.data.card import version
from vqvae_jax.errors import run_command
from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.report.table import number, pipes

K = TypeVar("K")
T = TypeVar("T")
Row = dict[str, Any]
Result = dict[str, Any]  # "rows" and other arguments of `write`
Out = Annotated[Path, tyro.conf.arg(help="JSON file to write")]
PLAIN = (tyro.conf.FlagCreatePairsOff,)
RESULTS = Path("benchmarks/results")
VERDICTS = {True: "met", False: "not met", None: "not measured"}


class Spent(NamedTuple):
    """Seconds of one call."""

    wall_s: float
    cpu_s: float  # of all threads and of children that have ended; disturbed less by other programs than wall clocks


class Timing(NamedTuple):
    """How long a call took."""

    first_s: float  # the first call alone, with compilation and first touches
    median_s: float  # of the later ones
    lowest_s: float
    highest_s: float
    cpu_s: float  # median


def benchmark(measure: Callable[..., Result]) -> Callable[[], None]:
    """Makes a measurement the program `python -m benchmarks.MODULE`.

    Its options are the function's parameters, and `--out`, the JSON file, by default benchmarks/results/MODULE.json.
    What it returns are the arguments of `write`, and `ok`, where exit code 1 depends on it.
    """
    module, own = measure.__globals__, inspect.signature(measure)
    about = module["__doc__"].split("\n")[0]
    name = module["__spec__"].name.rpartition(".")[2]

    def run(out: Path, **options: Any) -> None:
        result = {"ok": True, **measure(**options)}
        ok = result.pop("ok")
        write(out, name, result.pop("rows"), about=about, **result)
        sys.exit(0 if ok else 1)

    # Where tyro looks for options, their types and what they mean.
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=RESULTS / f"{name}.json", annotation=Out)
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), out])  # type: ignore[attr-defined]
    run.__annotations__ = {**measure.__annotations__, "out": Out}
    run.__doc__ = f"{about}\n\n{inspect.getdoc(measure) or ''}"
    return lambda: run_command(f"benchmarks.{name}", lambda: parse(run, f"python -m benchmarks.{name}", config=PLAIN))


def in_turns(calls: Mapping[K, Callable[[], T]], repeats: int) -> dict[K, list[T]]:
    """What calls return. They take turns, so that a slow minute of the machine hits all of them alike."""
    found: dict[K, list[T]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            found[name].append(call())
    return found


def timings(calls: Mapping[K, Callable[[], Any]], repeats: int) -> dict[K, Timing]:
    """Times each call, in turns. Each is called once beforehand: compilation and first touches are stated apart."""
    clocked = {name: functools.partial(spent, call) for name, call in calls.items()}
    first, later = in_turns(clocked, 1), in_turns(clocked, repeats)
    found = {}
    for name, runs in later.items():
        wall = [run.wall_s for run in runs]
        cpu_s = statistics.median(run.cpu_s for run in runs)
        found[name] = Timing(first[name][0].wall_s, statistics.median(wall), min(wall), max(wall), cpu_s)
    return found


def alternate(calls: Mapping[K, Callable[[], Any]], repeats: int) -> dict[K, float]:
    """The medians of `timings`."""
    return {name: timing.median_s for name, timing in timings(calls, repeats).items()}


def spent(call: Callable[[], Any]) -> Spent:
    """Calls, and waits for what JAX has been asked."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    jax.block_until_ready(call())
    return Spent(time.perf_counter() - wall, _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def aim(what: str, measured: float | None, *, at_least: float | None = None, at_most: float | None = None) -> Row:
    """An aim and whether it was met; `met` is null where nothing was measured."""
    met = None
    if measured is not None:
        met = (at_least is None or measured >= at_least) and (at_most is None or measured <= at_most)
    return {"what": what, "at_least": at_least, "at_most": at_most, "measured": measured, "met": met}


def versions(*distributions: str) -> dict[str, str]:
    """Versions of installed distributions; those that are missing are left out."""
    return {name: found for name in distributions if (found := version(name))}


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
    about: str = "",
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
      about: what the benchmark is, in a line.
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
        "about": about,
        "command": f"python -m benchmarks.{program} " + " ".join(map(_shown, sys.argv[1:])),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "devices": [device.device_kind for device in jax.devices()],
            "load_average": round(os.getloadavg()[0], 2),
        },
        "threads": {"cores allowed": cores(), **(threads or {})},
        "versions": {"python": platform.python_version()} | versions("jax", "jaxlib", "numpy"),
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
        print(f"aim: {entry['what']}: {VERDICTS[entry['met']]}")
    print(f"\nwritten: {out}")


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
