"""Everything to measure when a GPU is at hand, most telling first; started again, it goes on where it was.

    python -m benchmarks.gpu --out FILE [--minutes 9] [--only NAME ...] [--tiny]

Does it work there (tests, ten steps in bf16, golden files), which lowering of each convolution is fastest in bf16 and
float32, and train step and inference against PyTorch over batch sizes. Each item is a process of its own, so that one
that dies or runs out of memory takes nothing along, and is in FILE as soon as it is done. Items that are there are not
done again, unless they failed or come from another device, other versions (of libraries, of ours) or other options. No
item starts when the minutes are over, and one still running then is stopped and comes first next time. Exit code 1 if
an item failed. JAX does not preallocate: PyTorch needs its part of the same memory. `--tiny` runs it all on small
shapes, on a CPU too.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import PLAIN, RESULTS, Out, table, versions
from vqvae_jax import __version__
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.files import make_folder, write_atomically

ROOT = Path(__file__).parents[1]
BATCHES = (64, 256, 8, 32, 128, 16, 512)
#: Small enough for a CPU to do every item in about a minute.
SMALL = ["--clip", "8", "16", "16"]
GPU_RESULT = RESULTS / "gpu.json"
OUT_OF_TIME, FAILED = "out of time", "failed"
#: Lines of a failed item's output that are kept.
KEPT = 20


class Item(NamedTuple):
    """One measurement: `python ARGUMENTS --out PART`, which leaves a JSON object in PART."""

    name: str
    arguments: list[str]

    @property
    def command(self) -> str:
        return "python " + " ".join(self.arguments)


def items(tiny: bool) -> list[Item]:
    """What there is to do, in order."""
    checks, convolutions, models = (
        ["-m", f"benchmarks.{name}"] for name in ("gpu_checks", "convolutions", "torch_models")
    )
    small_model = ["--models", "tiny", *SMALL, "--repeats", "1"]
    table_of = [*convolutions, *(small_model if tiny else ["--models", "msvqvae", "tiny", "--clips", "64"])]
    against = [*models, *([*small_model, "--variants", "channels_last"] if tiny else ["--models", "msvqvae"])]
    steps = ["--model", "tiny", *SMALL, "--clips", "2"] if tiny else []
    return [
        Item("ten steps", [*checks, "steps", *steps]),
        Item("golden files", [*checks, "golden"]),
        Item("tests", [*checks, "tests", *(["--tests", "quantization"] if tiny else [])]),
        Item("convolutions bfloat16", [*table_of, "--dtypes", "bfloat16"]),
        *(Item(f"batch {n}", [*against, "--batches", str(n)]) for n in ((2, 4) if tiny else BATCHES)),
        Item("convolutions float32", [*table_of, "--dtypes", "float32"]),
    ]


def here() -> dict[str, Any]:
    """What a measurement holds for: device, versions. Asked in another process, since asking takes the GPU's memory."""
    ask = "import jax; print(jax.devices()[0].device_kind, len(jax.devices()), sep=' x ')"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    if said.returncode:
        raise UserError(f"JAX finds no device: {(said.stderr.strip() or 'no message').splitlines()[-1]}")
    return {"device": said.stdout.strip(), "vqvae_jax": __version__, **versions("jax", "jaxlib", "torch")}


def is_done(found: dict[str, Any] | None, item: Item, place: dict[str, Any]) -> bool:
    """Whether an earlier run holds this very item, measured at this place, without failure."""
    if not found:
        return False
    return found.get("state") == "done" and found.get("place") == place and found.get("command") == item.command


def run_items(todo: Sequence[Item], out: Path, minutes: float, place: dict[str, Any]) -> dict[str, Any]:
    """Runs what `out` does not hold yet, and returns what it holds then, by item.

    Args:
      todo: what to run, in order.
      out: JSON file.
      minutes: for all together.
      place: of `here`; what was measured elsewhere is measured again.

    Raises:
      UserError: if `out` is there and not ours.
    """
    done, end = load(out), time.monotonic() + 60 * minutes
    for item in todo:
        left = end - time.monotonic()
        if is_done(done.get(item.name), item, place) or left <= 0:
            continue
        print(f"== {item.name}", flush=True)
        done[item.name] = {"place": place, **run(item, left)}
        write_atomically(out, (json.dumps({"program": "gpu", "items": done}, indent=1) + "\n").encode())
    return done


def load(out: Path) -> dict[str, Any]:
    """Items of an earlier run; none if there was none."""
    if not out.exists():
        make_folder(out.parent)
        return {}
    try:
        return dict(json.loads(out.read_text())["items"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{out} is not a result of benchmarks.gpu; name another file") from error


def run(item: Item, seconds: float) -> dict[str, Any]:
    """One item in its own process: what it wrote and, if it failed, the end of what it said."""
    began = time.monotonic()
    facts: dict[str, Any] = {
        "command": item.command,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    with tempfile.TemporaryDirectory() as folder:
        part, log = Path(folder) / "part.json", Path(folder) / "log.txt"
        with log.open("w") as output:
            try:
                code = subprocess.run(
                    [sys.executable, *item.arguments, "--out", str(part)],
                    cwd=ROOT,
                    env={**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=seconds,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = None
        facts["seconds"] = round(time.monotonic() - began, 1)
        said = log.read_text().splitlines()[-KEPT:]
        if part.exists():  # a check that fails says in it what it found
            result = json.loads(part.read_text())
            facts |= {"summary": summary(result), "result": result}
        else:
            facts["summary"] = said[-1] if said else ""
    if code == 0 and "result" in facts:
        return {"state": "done", **facts}
    state = OUT_OF_TIME if code is None else f"{FAILED} with exit code {code}"
    return {"state": state, **facts, "said": said}


def summary(result: dict[str, Any]) -> str:
    """The one line that a reader looks for first."""
    if "summary" in result:
        return ("" if result["ok"] else "NOT OK: ") + result["summary"]
    rows = result["rows"]
    if result["program"] == "convolutions":
        totals = [row for row in rows if row["convolution"] == "all"]
        return "; ".join(
            f"{row['model']} {row['pass']}: {row['fastest']}, {row['TFLOP/s']:.3g} TFLOP/s" for row in totals
        )
    return "; ".join(map(_throughput, rows)) or "; ".join(result.get("left_out", []))


def _throughput(row: dict[str, Any]) -> str:
    rate, ratio, share = (row.get(name) for name in ("JAX clips/s", "speed-up over PyTorch", "JAX share of ceiling"))
    parts = [f"{rate:.4g} clips/s" if rate else "out of memory", f"{ratio:.2f}x PyTorch" if ratio else ""]
    return f"{row['what']} " + ", ".join(filter(None, [*parts, f"{share:.1%} of ceiling" if share else ""]))


def measure(minutes: float = 9.0, only: tuple[str, ...] = (), tiny: bool = False, out: Out = GPU_RESULT) -> None:
    """Everything to measure when a GPU is at hand, most telling first.

    Args:
      minutes: no item runs longer than this in all.
      only: items, by name.
      tiny: small shapes: tries every item, measures nothing.
      out: gone on with if it is there.
    """
    todo = items(tiny)
    names = [item.name for item in todo]
    if unknown := sorted(set(only) - set(names)):
        raise UserError(f"--only: no item {unknown[0]!r}; there are {', '.join(names)}")
    if only:
        todo = [item for item in todo if item.name in only]
    done = run_items(todo, out, minutes, here())
    print(table([{"item": name, **_line(done.get(name))} for name in names]))
    print(f"\nwritten: {out}")
    failed = [item.name for item in todo if done.get(item.name, {}).get("state", "").startswith(FAILED)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)


def main() -> None:
    parse(measure, "python -m benchmarks.gpu", config=PLAIN)


def _line(found: dict[str, Any] | None) -> dict[str, Any]:
    return {key: found[key] for key in ("state", "seconds", "summary")} if found else {"state": "to do"}


if __name__ == "__main__":
    run_command("benchmarks.gpu", main)
