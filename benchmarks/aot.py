"""Train step and validation compiled for TPUs and GPUs that are not here: memory, what is sent, cycles.

    python -m benchmarks.aot [--models msvqvae ntc] [--topologies v5e:1 v5p:2x2x2] [--clips 8 64]

A row for each model, topology and number of clips a chip, in bfloat16, from `experiments.plan` in a process of its own
(`pip install 'jax[tpu]'` and `'jax[cuda12]'` have the compilers; neither device is needed). What it proves is that
programs compile and what they need; a compiler's cycles rank alternatives and are no speed. Minutes a row: each is kept
in results/aot, and where one of the same versions is there it is not compiled again.
"""

import json
import subprocess
import sys
from math import prod
from pathlib import Path

from tqdm import tqdm

from benchmarks.report import Result, Row, benchmark, versions
from vqvae_jax import __version__
from vqvae_jax.files import make_folder, write_atomically

MODELS = ("msvqvae", "edge", "ntc")
TOPOLOGIES = (
    *("v5e:1", "v5p:1", "v6e:1", "h100:1"),
    *("v5e:2x4", "v5p:2x2x2", "v6e:2x4", "h100:8"),
    *("v5e:16x16", "v5p:4x8x8", "v6e:16x16"),
)
KEPT = Path("results/aot")
MIB = 2**20


def planned(model: str, topology: str, clips: int) -> Row:
    """One row; `it` says that it compiles, or why not."""
    chips = prod(int(side) for side in topology.partition(":")[2].split("x"))
    row: Row = {"model": model, "topology": topology, "clips a chip": clips}
    line = [sys.executable, "-m", "experiments.plan", model, "--topology", topology, "--dtype", "bfloat16", "--json"]
    done = subprocess.run([*line, "--batch", str(clips * chips)], capture_output=True, text=True)
    if done.returncode:
        return row | {"it": done.stderr.strip().splitlines()[-1]}
    found = json.loads(done.stdout)
    step, validation = found["train_step"], found["validation"]
    sent = [f"{e['operations']} {e['kind']} {e['dtype']} {e['bytes'] / MIB:.1f} MiB" for e in step["collectives"]]
    estimate = found["training"]["compilers_seconds_per_step"]
    return row | {
        "it": "compiles, fits" if found["fits"] else "compiles, does not fit",
        "train step, MiB": step["peak"] / MIB,
        "validation, MiB": validation["peak"] / MIB,
        "donated, MiB": step["donated"] / MIB,
        "FLOPs a chip, T": step["flops"] / 1e12,
        "sent": ", ".join(sent) or "nothing",
        "compiler's estimate, ms": None if estimate is None else 1e3 * estimate,
    }


def kept(model: str, topology: str, clips: int) -> Row:
    """One row, compiled unless it is kept."""
    path = KEPT / f"{model}-{topology.replace(':', '-')}-{clips}.json"
    try:
        earlier = json.loads(path.read_text())
        if earlier["compiled_with"] == _versions() and "compiles" in earlier["row"]["it"]:
            return earlier["row"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    row = planned(model, topology, clips)
    make_folder(KEPT)
    write_atomically(path, json.dumps({"compiled_with": _versions(), "row": row}).encode())
    return row


def _versions() -> dict[str, str]:
    return versions("jax", "jaxlib", "libtpu", "jax-cuda12-plugin") | {"vqvae_jax": __version__}


@benchmark
def main(
    models: tuple[str, ...] = MODELS, topologies: tuple[str, ...] = TOPOLOGIES, clips: tuple[int, ...] = (8, 64)
) -> Result:
    wanted = [(m, t, c) for c in clips for t in topologies for m in models]  # a few clips on one chip first
    rows = [kept(*key) for key in tqdm(wanted, "compiling", disable=None)]
    return {"rows": rows, "ok": all("compiles" in row["it"] for row in rows), "compiled_with": _versions()}


if __name__ == "__main__":
    main()
