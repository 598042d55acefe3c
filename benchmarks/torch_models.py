"""Train step and inference of whole models against the same models in PyTorch, weights copied over, in one run.

    python -m benchmarks.torch_models [--models msvqvae tiny] [--repeats 5]
    python -m benchmarks.torch_models --models msvqvae --batches 8 16 32 64 128 256 512       (on a GPU)

The twin (`benchmarks/peers/torch_twin.py`) runs in every layout of `--variants` and, on a CPU,
with one thread and with all cores; its fastest in a row is the peer, the others' times stand beside it. A step is
forward, backward, clipping, Adam and codebooks; no perceptual loss, no level dropout. `reconstruct` is uint8 clips to
indices to uint8 clips. float32 on a CPU; on a GPU bf16, also clips/s, FLOP/s and their share of a large bf16 matrix
product measured in the same run.

Compilation is not in the times: JAX's is stated, and PyTorch's first call (cuDNN's search for the fastest algorithms
included). On a CPU the sides take turns. On a GPU one follows the other, each with the memory to itself, PyTorch first:
what JAX has allocated it keeps, so it does not preallocate, and where a batch ends one side's memory is measured with
that batch alone in a command (`--batches 256`; so does `benchmarks.gpu`).

On a busy CPU wall clocks mislead: PyTorch's threads wait for each other in every layer, and lose most. There,
`taskset -c 0 python -m benchmarks.torch_models --clock cpu` compares CPU seconds of one thread each.
"""

import gc
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax

from benchmarks.ceiling import matmul_flops
from benchmarks.clocks import alternate_cpu
from benchmarks.convolutions import step_flops
from benchmarks.jax_programs import jax_programs
from benchmarks.named_models import BATCHES, MODELS, clips_of, experiment_of, first_state
from benchmarks.report import Row, aim, alternate, missing, options, versions, write
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.precision import DTypeName
from vqvae_jax.training.state import TrainState

JAX = "JAX"
WHAT = ["train step", "reconstruct", "encode", "decode"]


CLOCKS = {"wall": alternate, "cpu": alternate_cpu}


class Limits(NamedTuple):
    """What differs between a processor and a GPU."""

    dtype: DTypeName
    variants: list[str]
    batches: list[int] | None  # the model's own
    alone: bool  # each side has the memory to itself
    steps: int  # per timed call: a GPU works on while the host prepares the next
    matrix: int  # side of the matrices of the ceiling; 0: no shares of it
    aim: float  # times PyTorch's speed


#: On a CPU channels_last was slower in every row; `--variants contiguous channels_last` shows both.
LIMITS = {
    "cpu": Limits("float32", ["contiguous"], None, False, 1, 0, 1.0),
    "gpu": Limits("bfloat16", ["channels_last", "compiled"], [8, 16, 32, 64, 128, 256, 512], True, 5, 8192, 1.5),
}


class Job(NamedTuple):
    """What is compared, at one batch."""

    name: str
    experiment: Experiment
    state: TrainState
    batch: int
    wanted: list[str]
    steps: int
    repeats: int
    clock: str


Programs = dict[str, Callable[[], Any]]  # by kind of work


class Facts(NamedTuple):
    """What is kept of a `Program` of ours that is let go."""

    compile_s: float
    memory_bytes: int


class Side(NamedTuple):
    """What is timed against others; nothing of it takes memory before it is made."""

    name: str
    make: Callable[[], Programs]


def torch_sides(job: Job, variants: list[str], thread_counts: list[int]) -> list[Side]:
    """The twin in every layout with every number of threads, each with weights of its own."""
    import torch

    from benchmarks.peers.torch_programs import VARIANTS, torch_programs

    clips = clips_of(job.experiment.model, job.batch)

    def make(name: str, threads: int) -> Programs:
        programs = torch_programs(VARIANTS[name], job.experiment, job.state, clips, job.steps)

        def with_threads(call: Callable[[], Any]) -> Callable[[], Any]:
            def run() -> Any:
                torch.set_num_threads(threads)
                return call()

            return run

        return {what: with_threads(programs[what]) for what in job.wanted}

    return [
        Side(f"{VARIANTS[name]}, {threads} {'thread' if threads == 1 else 'threads'}", partial(make, name, threads))
        for name in variants
        for threads in thread_counts
    ]


def compare(job: Job, sides: list[Side], alone: bool) -> tuple[list[Row], list[str]]:
    """One row per kind of work, and which sides had too little memory for the batch.

    Args:
      job: what to do.
      sides: PyTorch's.
      alone: whether each side has the device's memory to itself, so that none fails for another's sake; their runs
        then follow each other instead of taking turns. JAX comes last: what it has allocated it keeps.
    """
    import torch

    # Compiled for the last batch: of no more use, and counted against the limit of recompilations.
    torch.compiler.reset()
    ours: dict[str, Facts] = {}

    def make_ours() -> Programs:
        clips = clips_of(job.experiment.model, job.batch)
        made = jax_programs(job.experiment, job.state, clips, job.steps, job.wanted)
        ours.update({what: Facts(program.compile_s, program.memory_bytes) for what, program in made.items()})
        return {what: program.call for what, program in made.items()}

    everyone = [*sides, Side(JAX, make_ours)]
    found = Measured({}, {what: {} for what in job.wanted}, {}, [])
    for group in [[side] for side in everyone] if alone else [everyone]:
        measure(job, group, found)
        # The group's models have no name any more: their memory is the next one's.
        gc.collect()
        torch.cuda.empty_cache()
    check_losses(found.losses, job.experiment.model.dtype)
    rows = [row(job, what, times, ours.get(what), found.first) for what, times in found.seconds.items() if times]
    return rows, found.failed


class Measured(NamedTuple):
    """Of all sides so far."""

    first: dict[tuple[str, str], float]  # seconds of the first call, by side and kind of work
    seconds: dict[str, dict[str, float]]  # per step, by kind of work and side
    losses: dict[str, float]  # of the first step, by side
    failed: list[str]  # why what has no time


def measure(job: Job, group: list[Side], found: Measured) -> None:
    """Makes some sides and times them in turns; what does not fit in memory is added to `found.failed`."""
    import torch

    calls = made(group, found.failed)
    for (name, what), call in list(calls.items()):
        began = time.perf_counter()
        try:
            result = call()
        except (UserError, torch.OutOfMemoryError) as error:
            found.failed.append(f"{name}, {what}: {str(error).splitlines()[0]}")
            del calls[name, what]
            continue
        found.first[name, what] = time.perf_counter() - began
        if what == "train step":
            found.losses[name] = float(result.scalars["loss"] if name == JAX else result.loss)
    for what in job.wanted:
        at_work = {name: call for (name, at), call in calls.items() if at == what}
        timed = CLOCKS[job.clock](at_work, job.repeats)
        found.seconds[what].update({name: t / job.steps for name, t in timed.items()})


def made(group: list[Side], failed: list[str]) -> dict[tuple[str, str], Callable[[], Any]]:
    """The calls of some sides, by side and kind of work; those that do not fit in memory are added to `failed`."""
    import torch

    calls: dict[tuple[str, str], Callable[[], Any]] = {}
    for side in group:
        try:
            calls |= {(side.name, what): call for what, call in side.make().items()}
        except (UserError, torch.OutOfMemoryError) as error:
            failed.append(f"{side.name}: {str(error).splitlines()[0]}")
    return calls


def check_losses(losses: dict[str, float], dtype: str) -> None:
    """Raises unless both sides trained on the same objective: a faster model must not be another one."""
    close = 1e-3 if dtype == "float32" else 3e-2
    if losses and not max(losses.values()) - min(losses.values()) <= close * min(losses.values()):
        raise RuntimeError(f"the sides do not agree on the loss: {losses}")


def row(job: Job, what: str, seconds: dict[str, float], ours: Facts | None, first: dict[tuple[str, str], float]) -> Row:
    """A line of the table; `seconds` by side, per step."""
    peers = {side: value for side, value in seconds.items() if side != JAX}
    peer = min(peers, key=lambda side: peers[side]) if peers else None
    facts: Row = {
        "model": job.name,
        "clips": job.batch,
        "what": what,
        "JAX s": seconds.get(JAX),
        "PyTorch s": peers[peer] if peer else None,
        "speed-up over PyTorch": peers[peer] / seconds[JAX] if peer is not None and JAX in seconds else None,
        "fastest PyTorch": peer,
        "JAX compile s": ours.compile_s if ours else None,
        "PyTorch first call s": first[peer, what] if peer else None,
        "JAX memory MB": ours.memory_bytes / 1e6 if ours else None,
    }
    return facts | {f"{side} s": value for side, value in peers.items()}


def add_rates(rows: list[Row], config: ModelConfig, ceiling: float | None) -> None:
    """Clips/s, and for train steps FLOP/s and their share of the ceiling if there is one, of both sides."""
    for line in rows:
        for side in (JAX, "PyTorch"):
            if line[f"{side} s"] is None:
                continue
            line[f"{side} clips/s"] = rate = line["clips"] / line[f"{side} s"]
            if line["what"] == "train step":
                line[f"{side} TFLOP/s"] = rate * step_flops(config) / 1e12
                if ceiling is not None:
                    line[f"{side} share of ceiling"] = rate * step_flops(config) / ceiling


def sweep(name: str, model: ModelConfig, batches: list[int], limits: Limits, arguments: Any) -> tuple[list[Row], list]:
    """Every batch, smallest first; a side stops where its memory ends."""
    experiment = experiment_of(replace(model, dtype=limits.dtype))
    state, rows, failed = first_state(experiment), [], []
    for batch in sorted(batches):
        job = Job(name, experiment, state, batch, arguments.what, limits.steps, arguments.repeats, arguments.clock)
        sides = torch_sides(job, arguments.variants or limits.variants, arguments.threads)
        found, short = compare(job, sides, limits.alone)
        rows += found
        failed += [f"{name}, {batch} clips: {line}" for line in short]
        if not found:
            break
    return rows, failed


def main() -> None:
    # Read when the first device is asked for, so not too late here.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    parser = options("torch_models", __doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--what", nargs="+", choices=WHAT, default=WHAT)
    parser.add_argument(
        "--batches", nargs="+", type=int, help="clips a batch; default: 1 and 4 on a CPU, 8 to 512 on a GPU"
    )
    parser.add_argument("--clip", type=int, nargs=3, metavar=("T", "H", "W"), help="default: the model's clip")
    parser.add_argument(
        "--variants", nargs="+", choices=["contiguous", "channels_last", "compiled"], help="of the twin"
    )
    parser.add_argument("--threads", type=int, nargs="+", help="of PyTorch; default: 1 and all cores on a CPU")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for a busy machine, on one core")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if reason := missing("PyTorch", "torch", "pip install torch"):
        raise UserError(f"{reason}; there is nothing to compare with")
    import torch

    platform = jax.default_backend()
    if platform not in LIMITS:
        raise UserError(f"no comparison on {platform}; run it on a CPU or a GPU")
    if platform == "gpu" and not torch.cuda.is_available():
        raise UserError("JAX sees a GPU and this PyTorch does not; install PyTorch with CUDA")
    limits = LIMITS[platform]
    # Those we may run on, so that `taskset` limits both sides alike.
    cores = len(os.sched_getaffinity(0))
    arguments.threads = arguments.threads or (sorted({1, cores}) if platform == "cpu" else [cores])
    torch.backends.cudnn.benchmark = True  # the fastest algorithm for each shape, as XLA too looks for it
    if arguments.clock == "cpu" and (platform != "cpu" or cores > 1):
        raise UserError("--clock cpu is for one core of a CPU: begin the command with `taskset -c 0`")
    ceiling = matmul_flops(limits.matrix, limits.dtype) if limits.matrix else {}
    rows, failed = [], []
    for name in arguments.models:
        model, batch = MODELS[name], BATCHES[name]
        model = replace(model, clip=tuple(arguments.clip)) if arguments.clip else model
        found, short = sweep(name, model, arguments.batches or limits.batches or [batch], limits, arguments)
        add_rates(found, model, max(ceiling.values(), default=None))
        rows += found
        failed += short
    steps = [line["speed-up over PyTorch"] for line in rows if line["what"] == "train step"]
    slowest = min((ratio for ratio in steps if ratio is not None), default=None)
    write(
        arguments.out,
        "torch_models",
        rows,
        peers={"PyTorch": torch.__version__},
        threads={"JAX": cores, "PyTorch, at most": max(arguments.threads)},
        aims=[aim("train step against PyTorch, every row", slowest, at_least=limits.aim)],
        left_out=failed,
        dtype=limits.dtype,
        clock=arguments.clock,
        repeats=arguments.repeats,
        steps_per_timing=limits.steps,
        matmul_flops=ceiling,
        preallocation="off",
        libraries=versions("flax", "optax", "triton"),
    )


if __name__ == "__main__":
    run_command("benchmarks.torch_models", main)
