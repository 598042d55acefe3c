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
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.convolutions import step_flops
from benchmarks.jax_programs import (
    BATCHES,
    Clip,
    Name,
    Program,
    experiment_of,
    first_state,
    jax_programs,
    model_of,
    noise,
    repeated,
)
from benchmarks.report import Result, Row, aim, alternate, benchmark, cores, missing, spent, timings, versions
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.precision import DTypeName, compute_dtype
from vqvae_jax.training.state import TrainState

What = Literal["train step", "reconstruct", "encode", "decode"]
Layout = Literal["contiguous", "channels_last", "compiled"]
CLOCKS = {"wall": "median_s", "cpu": "cpu_s"}
JAX = "JAX"
#: Matrix products timed together, so that launches do not count, and how often.
TOGETHER, PRODUCTS = 10, 5


class Limits(NamedTuple):
    """What differs between a processor and a GPU."""

    dtype: DTypeName
    variants: tuple[Layout, ...]
    batches: tuple[int, ...]  # none: the model's own
    alone: bool  # each side has the memory to itself
    steps: int  # per timed call: a GPU works on while the host prepares the next
    matrix: int  # side of the matrices of the ceiling; 0: no shares of it
    aim: float  # times PyTorch's speed


#: On a CPU channels_last was slower in every row; `--variants contiguous channels_last` shows both.
LIMITS = {
    "cpu": Limits("float32", ("contiguous",), (), False, 1, 0, 1.0),
    "gpu": Limits("bfloat16", ("channels_last", "compiled"), (8, 16, 32, 64, 128, 256, 512), True, 5, 8192, 1.5),
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


Calls = dict[str, Callable[[], Any]]  # by kind of work
Makers = dict[str, Callable[[], Calls]]  # by side; nothing takes memory before it is made


def torch_sides(job: Job, variants: Sequence[Layout], thread_counts: Sequence[int]) -> Makers:
    """The twin in every layout with every number of threads, each with weights of its own."""
    import torch

    from benchmarks.peers.torch_training import VARIANTS, torch_programs

    clips = noise(job.experiment.model, job.batch)

    def make(name: str, threads: int) -> Calls:
        programs = torch_programs(VARIANTS[name], job.experiment, job.state, clips, job.steps)

        def with_threads(call: Callable[[], Any]) -> Any:
            torch.set_num_threads(threads)
            return call()

        return {what: partial(with_threads, programs[what]) for what in job.wanted}

    return {
        f"{VARIANTS[name]}, {threads} {'thread' if threads == 1 else 'threads'}": partial(make, name, threads)
        for name in variants
        for threads in thread_counts
    }


def compare(job: Job, peers: Makers, alone: bool) -> tuple[list[Row], list[str]]:
    """One row per kind of work, and which sides had too little memory for the batch.

    Args:
      job: what to do.
      peers: PyTorch's sides.
      alone: whether each side has the device's memory to itself, so that none fails for another's sake; their runs
        then follow each other instead of taking turns. JAX comes last: what it has allocated it keeps.
    """
    import torch

    # Compiled for the last batch: of no more use, and counted against the limit of recompilations.
    torch.compiler.reset()
    ours: dict[str, Program] = {}  # without their calls, so that those can be let go
    first: dict[tuple[str, str], float] = {}  # seconds of the first call, by side and kind of work
    seconds: dict[str, dict[str, float]] = {what: {} for what in job.wanted}  # per step, by kind of work and side
    losses: dict[str, float] = {}  # of the first step, by side
    failed: list[str] = []

    def make_ours() -> Calls:
        clips = noise(job.experiment.model, job.batch)
        made = jax_programs(job.experiment, job.state, clips, job.steps, job.wanted)
        ours.update({what: one._replace(call=lambda: None) for what, one in made.items()})
        return {what: one.call for what, one in made.items()}

    def fits(what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (UserError, torch.OutOfMemoryError) as error:
            failed.append(f"{what}: {str(error).splitlines()[0]}")
            return None

    def measure(group: Makers) -> None:
        made = {name: fits(name, make) or {} for name, make in group.items()}
        for what in job.wanted:
            at_work = {}
            for name, calls in made.items():
                once = fits(f"{name}, {what}", partial(first_call, calls[what])) if what in calls else None
                if once is None:
                    continue
                (first[name, what], result), at_work[name] = once, calls[what]
                if what == "train step":
                    losses[name] = float(result.scalars["loss"] if name == JAX else result.loss)
            for name, timing in timings(at_work, job.repeats).items():
                seconds[what][name] = getattr(timing, CLOCKS[job.clock]) / job.steps

    everyone: Makers = {**peers, JAX: make_ours}
    for group in [{name: make} for name, make in everyone.items()] if alone else [everyone]:
        measure(group)
        # The group's models have no name any more: their memory is the next one's.
        gc.collect()
        torch.cuda.empty_cache()
    check_losses(losses, job.experiment.model.dtype)
    return [row(job, what, times, ours.get(what), first) for what, times in seconds.items() if times], failed


def first_call(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it returned."""
    results: list[Any] = []
    return spent(lambda: results.append(call())).wall_s, results[0]


def check_losses(losses: dict[str, float], dtype: str) -> None:
    """Raises unless both sides trained on the same objective: a faster model must not be another one."""
    close = 1e-3 if dtype == "float32" else 3e-2
    if losses and not max(losses.values()) - min(losses.values()) <= close * min(losses.values()):
        raise RuntimeError(f"the sides do not agree on the loss: {losses}")


def row(
    job: Job, what: str, seconds: dict[str, float], ours: Program | None, first: dict[tuple[str, str], float]
) -> Row:
    """A line of the table; `seconds` by side, per step."""
    peers = {side: value for side, value in seconds.items() if side != JAX}
    peer = min(peers, key=lambda side: peers[side]) if peers else None
    memory = ours and ours.compiled.argument_bytes + ours.compiled.temporary_bytes
    facts: Row = {
        "model": job.name,
        "clips": job.batch,
        "what": what,
        "JAX s": seconds.get(JAX),
        "PyTorch s": peers[peer] if peer else None,
        "speed-up over PyTorch": peers[peer] / seconds[JAX] if peer is not None and JAX in seconds else None,
        "fastest PyTorch": peer,
        "JAX compile s": ours and ours.compile_s,
        "PyTorch first call s": first[peer, what] if peer else None,
        "JAX memory MB": memory and memory / 1e6,
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


def matmul_flops(side: int, dtype: DTypeName) -> dict[str, float]:
    """FLOP/s of a square matrix product on random data, by library: what the device's matrix units reach.

    Args:
      side: of the matrices; 8192 fills a large GPU.
      dtype: of the operands.
    """
    import torch

    a, b = (jax.random.normal(jax.random.key(number), (side, side), compute_dtype(dtype)) for number in (0, 1))
    device = "cuda" if jax.default_backend() == "gpu" else "cpu"
    c, d = (torch.randn(side, side, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    product = jax.jit(jnp.matmul)
    calls = {
        JAX: repeated(lambda: product(a, b), TOGETHER),
        "PyTorch": repeated(lambda: c @ d, TOGETHER, lambda _: torch.cuda.synchronize() if device == "cuda" else None),
    }
    return {name: 2.0 * side**3 * TOGETHER / s for name, s in alternate(calls, PRODUCTS).items()}


@benchmark
def main(
    models: tuple[Name, ...] = ("msvqvae", "tiny"),
    what: tuple[What, ...] = ("train step", "reconstruct", "encode", "decode"),
    batches: tuple[int, ...] = (),
    clip: Clip = None,
    variants: tuple[Layout, ...] = (),
    threads: tuple[int, ...] = (),
    clock: Literal["wall", "cpu"] = "wall",
    repeats: int = 5,
) -> Result:
    """Compares.

    Args:
      batches: clips a batch; default: 1 and 4 on a CPU, 8 to 512 on a GPU.
      variants: of the twin.
      threads: of PyTorch; default: 1 and all cores on a CPU.
      clock: cpu is for a busy machine, on one core.
    """
    if reason := missing("PyTorch", "torch", "pip install torch"):
        raise UserError(f"{reason}; there is nothing to compare with")
    import torch

    # Read when the first device is asked for, so not too late here.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    platform = jax.default_backend()
    if platform not in LIMITS:
        raise UserError(f"no comparison on {platform}; run it on a CPU or a GPU")
    if platform == "gpu" and not torch.cuda.is_available():
        raise UserError("JAX sees a GPU and this PyTorch does not; install PyTorch with CUDA")
    limits = LIMITS[platform]
    # Those we may run on, so that `taskset` limits both sides alike.
    threads = threads or (tuple(sorted({1, cores()})) if platform == "cpu" else (cores(),))
    torch.backends.cudnn.benchmark = True  # the fastest algorithm for each shape, as XLA too looks for it
    if clock == "cpu" and (platform != "cpu" or cores() > 1):
        raise UserError("--clock cpu is for one core of a CPU: begin the command with `taskset -c 0`")
    ceiling = matmul_flops(limits.matrix, limits.dtype) if limits.matrix else {}
    rows: list[Row] = []
    failed: list[str] = []
    for name in models:
        experiment = experiment_of(replace(model_of(name, clip), dtype=limits.dtype))
        state, begin = first_state(experiment), len(rows)
        for batch in sorted(batches or limits.batches or (BATCHES[name],)):
            job = Job(name, experiment, state, batch, list(what), limits.steps, repeats, clock)
            found, short = compare(job, torch_sides(job, variants or limits.variants, threads), limits.alone)
            rows += found
            failed += [f"{name}, {batch} clips: {line}" for line in short]
            if not found:
                break
        add_rates(rows[begin:], experiment.model, max(ceiling.values(), default=None))
    steps = [line["speed-up over PyTorch"] for line in rows if line["what"] == "train step"]
    slowest = min((ratio for ratio in steps if ratio is not None), default=None)
    return {
        "rows": rows,
        "peers": {"PyTorch": torch.__version__},
        "threads": {"JAX": cores(), "PyTorch, at most": max(threads)},
        "aims": [aim("train step against PyTorch, every row", slowest, at_least=limits.aim)],
        "left_out": failed,
        "dtype": limits.dtype,
        "clock": clock,
        "repeats": repeats,
        "steps_per_timing": limits.steps,
        "matmul_flops": ceiling,
        "preallocation": "off",
        "libraries": versions("flax", "optax", "triton"),
    }


if __name__ == "__main__":
    main()
