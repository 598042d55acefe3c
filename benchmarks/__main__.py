"""Runs the benchmarks one after the other, each in a process of its own, and writes the page of all results.

    python -m benchmarks [--data DIR] [--videos DIR] [--only NAME ...] [--out DIR]

Without --data and --videos they measure on videos made on the spot. A benchmark that fails does not stop the others; it
is listed at the end, and the exit code is 1. Those that take long or measure no speed (gradient_equality, round_trip,
fuzz, kill_and_resume) run only when they are named. Those that need a GPU or PyTorch are skipped, with a line, where
there is none.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.catalogue import CATALOGUE, Benchmark, Inputs, install
from benchmarks.inputs import generate
from benchmarks.page import write_page
from benchmarks.report import RESULTS
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command


def has_gpu() -> bool:
    """Whether JAX finds a GPU; asked in another process, because asking takes the GPU's memory."""
    ask = "import jax; print(jax.default_backend())"
    return subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout.strip() == "gpu"


def chosen(only: Sequence[str], gpu: bool) -> tuple[list[Benchmark], dict[str, str]]:
    """Those to run; and those that cannot run here, with the reason.

    Raises:
      UserError: if a name is unknown, or nothing is left to run.
    """
    for name in only:
        if name not in CATALOGUE:
            raise UserError(f"no benchmark {name!r}; there are {', '.join(CATALOGUE)}")
    wanted = [CATALOGUE[name] for name in only] or [b for b in CATALOGUE.values() if b.by_default]
    skipped = {b.name: reason for b in wanted if (reason := b.reason(gpu))}
    if len(skipped) == len(wanted):
        raise UserError("nothing can run: " + "; ".join(f"{name}: {reason}" for name, reason in skipped.items()))
    return [b for b in wanted if b.name not in skipped], skipped


def without_peers(benchmarks: Sequence[Benchmark]) -> str | None:
    """Which lack a peer and how it is installed, in one line; None if none does."""
    absent = {benchmark.name: found for benchmark in benchmarks if (found := benchmark.absent())}
    if not absent:
        return None
    lacking = "; ".join(f"{name} has no {', '.join(found)}" for name, found in absent.items())
    return f"{lacking}. For every ratio: {install(sorted({peer for found in absent.values() for peer in found}))}"


def run_all(benchmarks: Sequence[Benchmark], inputs: Inputs, out: Path) -> dict[str, int]:
    """Runs them; returns name and exit code of those that failed."""
    failed = {}
    for benchmark in benchmarks:
        command = [sys.executable, "-m", f"benchmarks.{benchmark.name}", *benchmark.options(inputs)]
        print(f"== {benchmark.name}", flush=True)
        began = time.perf_counter()
        code = subprocess.run([*command, "--out", str(out / f"{benchmark.name}.json")]).returncode
        print(f"== {benchmark.name}: {time.perf_counter() - began:.0f} s, exit code {code}\n", flush=True)
        if code:
            failed[benchmark.name] = code
    return failed


def bench(
    data: Path | None = None, videos: Path | None = None, only: tuple[str, ...] = (), out: Path = RESULTS
) -> None:
    """Runs the benchmarks one after the other.

    Args:
      data: data set of data_prep with a train and a test split.
      videos: folder of video files.
      only: names; by default all that are not slow.
      out: folder of the results.
    """
    benchmarks, skipped = chosen(only, has_gpu())
    peers = without_peers([*benchmarks, *(CATALOGUE[name] for name in skipped if name != "gpu")])
    if peers:
        print(f"peers: {peers}\n", flush=True)
    with ExitStack() as stack:
        if videos is None or data is None:
            made = generate(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            videos, data = videos or made[0], data or made[1]
        failed = run_all(benchmarks, Inputs(data, videos), out)
    print(f"written: {write_page(out)}")
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}")
    if peers:
        print(f"peers: {peers}")
    for name, code in failed.items():
        print(f"failed: {name} (exit code {code})", file=sys.stderr)
    if failed:
        sys.exit(1)


def main() -> None:
    parse(bench, "python -m benchmarks")


if __name__ == "__main__":
    run_command("benchmarks", main)
