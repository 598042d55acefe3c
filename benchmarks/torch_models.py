"""Train step and inference of whole models against the same models in PyTorch, weights copied over, in one run.

    python -m benchmarks.torch_models [--models msvqvae tiny ntc] [--repeats 5]
    python -m benchmarks.torch_models --models msvqvae --batches 8 16 32 64 128 256 512       (on a GPU)

The twins (`benchmarks/peers/torch_twin.py`, `torch_ntc.py`) run in every layout of `--variants` and, on a CPU, with one
thread and with all cores; the fastest in a row is the peer, the others' times stand beside it. A step is forward,
backward, clipping, the optimiser and codebooks or the weights' average; no perceptual loss, no level dropout.
`reconstruct` is uint8 clips to indices or latents, of `ntc` at one rate, to uint8 clips. float32 on a CPU, where
PyTorch's bfloat16 (`torch.autocast`) stands beside it and is no part of the ratio, and what either side frees stays
with the process, as in `experiments.train`; on a GPU bf16 on both sides, also clips/s, FLOP/s and their share of a
large bf16 matrix product measured in the same run.

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
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.compared import Calls, Compared, Name, compared
from benchmarks.jax_programs import Clip, Program, repeated
from benchmarks.report import Result, Row, aim, alternate, benchmark, cores, missing, spent, timings, versions
from vqvae_jax.allocator import keep_freed_memory
from vqvae_jax.errors import UserError
from vqvae_jax.precision import DTypeName, compute_dtype

What = Literal["train step", "reconstruct", "encode", "decode"]
Layout = Literal["contiguous", "channels_last", "compiled"]
CLOCKS = {"wall": "median_s", "cpu": "cpu_s"}
JAX = "JAX"
AIMS: tuple[What, ...] = ("train step", "reconstruct")
#: How far apart losses may be, relatively: an objective's rounding, not another objective.
CLOSE: dict[DTypeName, float] = {"float32": 1e-3, "bfloat16": 3e-2}
#: Matrix products timed together, so that launches do not count, and how often.
TOGETHER, PRODUCTS = 10, 5


class Limits(NamedTuple):
    """What differs between a processor and a GPU."""

    dtype: DTypeName
    beside: tuple[DTypeName, ...]  # in which PyTorch runs besides; stated, no peers
    variants: tuple[Layout, ...]
    batches: tuple[int, ...]  # none: the model's own
    alone: bool  # each side has the memory to itself
    steps: int  # per timed call: a GPU works on while the host prepares the next
    matrix: int  # side of the matrices of the ceiling; 0: no shares of it
    aim: float  # times PyTorch's speed


#: On a CPU channels_last was slower in every row; `--variants contiguous channels_last` shows both.
LIMITS = {
    "cpu": Limits("float32", ("bfloat16",), ("contiguous",), (), False, 1, 0, 1.0),
    "gpu": Limits("bfloat16", (), ("channels_last", "compiled"), (8, 16, 32, 64, 128, 256, 512), True, 5, 8192, 1.5),
}


class Job(NamedTuple):
    """What is compared, at one batch."""

    model: Compared
    batch: int
    wanted: list[str]
    steps: int
    repeats: int
    clock: str


class Side(NamedTuple):
    """One that runs the model."""

    name: str
    dtype: DTypeName

    def __str__(self) -> str:
        return self.name


Makers = dict[Side, Callable[[], Calls]]  # nothing takes memory before it is made


def torch_sides(
    job: Job, variants: Sequence[Layout], thread_counts: Sequence[int], dtypes: Sequence[DTypeName]
) -> Makers:
    """The twin in every layout with every number of threads and every type, each with weights of its own.

    Args:
      job: what to do.
      variants: layouts.
      thread_counts: of PyTorch.
      dtypes: of convolutions; the first is ours and goes without saying.
    """
    import torch

    from benchmarks.peers.torch_training import VARIANTS

    def make(name: str, threads: int, dtype: DTypeName) -> Calls:
        programs = job.model.torch(name, job.batch, job.steps, dtype)

        def with_threads(call: Callable[[], Any]) -> Any:
            torch.set_num_threads(threads)
            return call()

        return {what: partial(with_threads, programs[what]) for what in job.wanted}

    def named(name: str, threads: int, dtype: DTypeName) -> Side:
        words = [str(VARIANTS[name]), f"{threads} {'thread' if threads == 1 else 'threads'}"]
        return Side(", ".join(words + [dtype] * (dtype != dtypes[0])), dtype)

    return {
        named(name, threads, dtype): partial(make, name, threads, dtype)
        for dtype in dtypes
        for name in variants
        for threads in thread_counts
    }


def compare(job: Job, dtype: DTypeName, peers: Makers, alone: bool) -> tuple[list[Row], list[str]]:
    """One row per kind of work, and which sides had too little memory for the batch.

    Args:
      job: what to do.
      dtype: of our convolutions.
      peers: PyTorch's sides.
      alone: whether each side has the device's memory to itself, so that none fails for another's sake; their runs
        then follow each other instead of taking turns. JAX comes last: what it has allocated it keeps.
    """
    import torch

    # Compiled for the last batch: of no more use, and counted against the limit of recompilations.
    torch.compiler.reset()
    us = Side(JAX, dtype)
    ours: dict[str, Program] = {}  # without their calls, so that those can be let go
    first: dict[tuple[Side, str], float] = {}  # seconds of the first call, by side and kind of work
    seconds: dict[str, dict[Side, float]] = {what: {} for what in job.wanted}  # per step, by kind of work and side
    losses: dict[Side, float] = {}  # of the first step
    failed: list[str] = []

    def make_ours() -> Calls:
        made = job.model.jax(job.batch, job.steps, job.wanted)
        ours.update({what: one._replace(call=lambda: None) for what, one in made.items()})
        return {what: one.call for what, one in made.items()}

    def fits(what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (UserError, torch.OutOfMemoryError) as error:
            failed.append(f"{what}: {str(error).splitlines()[0]}")
            return None

    def measure(group: Makers) -> None:
        made = {side: fits(side.name, make) or {} for side, make in group.items()}
        for what in job.wanted:
            at_work = {}
            for side, calls in made.items():
                once = fits(f"{side}, {what}", partial(first_call, calls[what])) if what in calls else None
                if once is None:
                    continue
                (first[side, what], result), at_work[side] = once, calls[what]
                if what == "train step":
                    losses[side] = float(result.scalars["loss"] if side == us else result.loss)
            for side, timing in timings(at_work, job.repeats).items():
                seconds[what][side] = getattr(timing, CLOCKS[job.clock]) / job.steps

    everyone: Makers = {**peers, us: make_ours}
    for group in [{side: make} for side, make in everyone.items()] if alone else [everyone]:
        measure(group)
        # The group's models have no name any more: their memory is the next one's.
        gc.collect()
        torch.cuda.empty_cache()
    check_losses(losses, us)
    return [row(job, what, times, us, ours.get(what), first) for what, times in seconds.items() if times], failed


def first_call(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it returned."""
    results: list[Any] = []
    return spent(lambda: results.append(call())).wall_s, results[0]


def check_losses(losses: dict[Side, float], us: Side) -> None:
    """Raises unless all trained on the same objective: a faster model must not be another one."""
    for side, loss in losses.items():
        known = losses.get(us, loss)
        if not abs(loss - known) <= max(CLOSE[side.dtype], CLOSE[us.dtype]) * abs(known):
            raise RuntimeError(
                f"the sides do not agree on the loss: { {str(s): value for s, value in losses.items()} }"
            )


def row(
    job: Job,
    what: str,
    seconds: dict[Side, float],
    us: Side,
    ours: Program | None,
    first: dict[tuple[Side, str], float],
) -> Row:
    """A line of the table; `seconds` by side, per step. Peers are those of our type."""

    def fastest(sides: list[Side]) -> Side | None:
        return min(sides, key=lambda side: seconds[side]) if sides else None

    twins = [side for side in seconds if side != us]
    peer = fastest([side for side in twins if side.dtype == us.dtype])
    memory = ours and ours.compiled.argument_bytes + ours.compiled.temporary_bytes
    facts: Row = {
        "model": job.model.name,
        "clips": job.batch,
        "what": what,
        "JAX s": seconds.get(us),
        "PyTorch s": seconds[peer] if peer else None,
        "speed-up over PyTorch": seconds[peer] / seconds[us] if peer and us in seconds else None,
        "fastest PyTorch": str(peer) if peer else None,
    }
    for dtype in dict.fromkeys(side.dtype for side in twins if side.dtype != us.dtype):
        beside = fastest([side for side in twins if side.dtype == dtype])
        facts[f"PyTorch {dtype} s"] = beside and seconds[beside]
    facts |= {
        "JAX compile s": ours and ours.compile_s,
        "PyTorch first call s": first[peer, what] if peer else None,
        "JAX memory MB": memory and memory / 1e6,
    }
    return facts | {f"{side} s": seconds[side] for side in twins}


def add_rates(rows: list[Row], flops: float, ceiling: float | None) -> None:
    """Clips/s, and for train steps FLOP/s (`flops` a clip) and their share of the ceiling if there is one."""
    for line in rows:
        for side in (JAX, "PyTorch"):
            if line[f"{side} s"] is None:
                continue
            line[f"{side} clips/s"] = rate = line["clips"] / line[f"{side} s"]
            if line["what"] == "train step":
                line[f"{side} TFLOP/s"] = rate * flops / 1e12
                if ceiling is not None:
                    line[f"{side} share of ceiling"] = rate * flops / ceiling


def slowest(rows: list[Row], what: str) -> float | None:
    """The lowest ratio of a kind of work; None if none was measured."""
    ratios = [line["speed-up over PyTorch"] for line in rows if line["what"] == what]
    return min((ratio for ratio in ratios if ratio is not None), default=None)


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
    models: tuple[Name, ...] = ("msvqvae", "tiny", "ntc"),
    what: tuple[What, ...] = ("train step", "reconstruct", "encode", "decode"),
    batches: tuple[int, ...] = (),
    clip: Clip = None,
    variants: tuple[Layout, ...] = (),
    threads: tuple[int, ...] = (),
    clock: Literal["wall", "cpu"] = "wall",
    repeats: int = 5,
    beside: bool = True,
) -> Result:
    """Compares.

    Args:
      batches: clips a batch; default: 1 and 4 on a CPU, 8 to 512 on a GPU.
      variants: of the twin.
      threads: of PyTorch; default: 1 and all cores on a CPU.
      clock: cpu is for a busy machine, on one core.
      beside: PyTorch's bfloat16 as well on a CPU; one without instructions for it takes minutes a step.
    """
    if reason := missing("PyTorch", "torch", "pip install torch"):
        raise UserError(f"{reason}; there is nothing to compare with")
    import torch

    keep_freed_memory()  # as training does; PyTorch has it too
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
        model, begin = compared(name, clip, limits.dtype), len(rows)
        for batch in sorted(batches or limits.batches or (model.batch,)):
            job = Job(model, batch, list(what), limits.steps, repeats, clock)
            dtypes = (limits.dtype, *(limits.beside if beside else ()))
            peers = torch_sides(job, variants or limits.variants, threads, dtypes)
            found, short = compare(job, limits.dtype, peers, limits.alone)
            rows += found
            failed += [f"{name}, {batch} clips: {line}" for line in short]
            if not found:
                break
        add_rates(rows[begin:], model.flops, max(ceiling.values(), default=None))
    return {
        "rows": rows,
        "peers": {"PyTorch": torch.__version__},
        "threads": {"JAX": cores(), "PyTorch, at most": max(threads)},
        "aims": [aim(f"{kind} against PyTorch, every row", slowest(rows, kind), at_least=limits.aim) for kind in AIMS],
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
