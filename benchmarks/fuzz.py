"""Damaged .msv files, decoded to indices: how many end how, and that none crashes, hangs or takes memory.

    python -m benchmarks.fuzz --files 20000

Every other file has its checksums put right after the mutation, so that what lies behind them is reached. One file in a
hundred is decoded to pictures as well. Exits with 1 if a file raised anything but a `UserError` of one line, decoded to
what was not written although its checksums were left alone, or went beyond the ceilings; such files are kept.
"""

import contextlib
import random
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Result, Row, benchmark
from tests.codec.fuzzing import MEMORY_MIB, OUTCOMES, Original, check_pictures, mutant, originals, outcome

PICTURES_EVERY = 100
Key = tuple[str, bool]  # name of the original, whether checksums were mended


@benchmark
def main(
    files: int = 20_000,
    seed: int = 0,
    seconds: float = 5.0,
    mebibytes: int = MEMORY_MIB,
    keep: Path = Path("fuzz-failures"),
) -> Result:
    """Decodes.

    Args:
      seconds: ceiling for one file.
      mebibytes: ceiling for the whole program, beyond its start.
      keep: folder for files that fail.
    """
    known = originals()
    for original in known:  # compiles for pictures before memory is limited
        check(original, original.data, mended=True, pictures=True)
    at_start = resident()
    limit_memory(mebibytes)
    rng = random.Random(seed)
    counts: dict[Key, Counter[str]] = {}
    slowest: dict[Key, float] = {}
    failures: list[str] = []
    began = time.perf_counter()
    for number in range(files):
        original, mended = known[number % len(known)], number // len(known) % 2 == 1
        data, key = mutant(original, rng, mended), (original.name, mended)
        started = time.perf_counter()
        try:
            with alarm(seconds):
                found = check(original, data, mended, pictures=number % PICTURES_EVERY == 0)
        except Exception as error:  # whatever it is, it is a finding
            found = "failed"
            failures.append(f"{number}: {type(error).__name__}: {error}")
            keep.mkdir(exist_ok=True)
            (keep / f"{number}-{original.name}.msv").write_bytes(data)
        counts.setdefault(key, Counter())[found] += 1
        slowest[key] = max(slowest.get(key, 0.0), time.perf_counter() - started)

    every = (*OUTCOMES, "failed")
    rows: list[Row] = [
        {"file": name, "checksums": "mended" if mended else "left", "files": found.total()}
        | {what: found[what] for what in every}
        | {"slowest_ms": 1e3 * slowest[name, mended]}
        for (name, mended), found in counts.items()
    ]
    total = sum(counts.values(), Counter())
    return {
        "ok": not failures,
        "rows": rows,
        "files": files,
        "seed": seed,
        "outcomes": {what: total[what] for what in every},
        "failures": failures,
        "ceilings": {"seconds_per_file": seconds, "mebibytes": mebibytes},
        "slowest_seconds": max(slowest.values()),
        "resident_growth_mebibytes": round(resident() - at_start, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }


def check(original: Original, data: bytes, mended: bool, pictures: bool) -> str:
    """The outcome of one file."""
    with tempfile.NamedTemporaryFile(suffix=".msv") as file:
        path = Path(file.name)
        path.write_bytes(data)
        found = outcome(original, path, mended)
        if pictures:
            check_pictures(original, path)
        return found


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raises a `TimeoutError` in what takes longer."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit_memory(mebibytes: int) -> None:
    """Lets the address space grow by no more than this; beyond it Python raises `MemoryError`."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + mebibytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def resident() -> float:
    """The most memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
