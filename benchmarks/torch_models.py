"""Train step and inference of whole models against the same models in PyTorch, weights copied over, in one run.

    python -m benchmarks.torch_models [--models msvqvae tiny] [--repeats 5]
    python -m benchmarks.torch_models --models msvqvae --batches 8 16 32 64 128 256 512       (on a GPU)

The twin (`benchmarks/peers/torch_twin.py`) runs in every layout of `--variants`; its fastest in a row is the peer, the
others' times stand beside it. A step is forward, backward, clipping, Adam and codebooks; no perceptual loss, no level
dropout. `reconstruct` is uint8 clips to indices to uint8 clips. float32 on a CPU; on a GPU bf16, also clips/s, FLOP/s
and their share of a large bf16 matrix product measured in the same run.

Compilation is not in the times: JAX's is stated, and PyTorch's first call. On a GPU neither side may take all the
memory beforehand, so JAX does not preallocate.

On a busy CPU wall clocks mislead: PyTorch's threads wait for each other in every layer, and lose most. There,
`taskset -c 0 python -m benchmarks.torch_models --clock cpu` compares CPU seconds of one thread each.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ceiling import matmul_flops
from benchmarks.convolutions import step_flops
from benchmarks.jax_programs import STEPS, Program, jax_programs
from benchmarks.report import Row, aim, alternate, missing, options, versions, write
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae import family
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.start import new_state
from vqvae_jax.precision import DTypeName
from vqvae_jax.training.optimizer import OptimizerConfig, make_optimizer
from vqvae_jax.training.state import TrainState

#: Model and clips a batch on a CPU.
MODELS = {"msvqvae": (family.MSVQVAE_MODEL, 1), "tiny": (family.TINY_MODEL, 4)}
JAX = "JAX"
WHAT = ["train step", "reconstruct", "encode", "decode"]


def alternate_cpu(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each call, all threads of the process together; they take turns."""
    seconds: dict[str, list[float]] = {side: [] for side in calls}
    for _ in range(repeats):
        for side, call in calls.items():
            began = time.process_time()
            jax.block_until_ready(call())
            seconds[side].append(time.process_time() - began)
    return {side: statistics.median(times) for side, times in seconds.items()}


CLOCKS = {"wall": alternate, "cpu": alternate_cpu}


class Limits(NamedTuple):
    """What differs between a processor and a GPU."""

    dtype: DTypeName
    variants: list[str]
    batches: list[int] | None  # the model's own
    steps: int  # per timed call: a GPU works on while the host prepares the next
    matrix: int  # side of the matrices of the ceiling; 0: no shares of it
    aim: float  # times PyTorch's speed


LIMITS = {
    "cpu": Limits("float32", ["contiguous", "channels_last"], None, 1, 0, 1.0),
    "gpu": Limits("bfloat16", ["channels_last", "compiled"], [8, 16, 32, 64, 128, 256, 512], 5, 8192, 1.5),
}


def experiment_of(model: ModelConfig) -> Experiment:
    """Reconstruction and commitment alone, gradients clipped."""
    return Experiment(
        model=replace(model, level_dropout=0.0),
        loss=LossConfig(gamma=0.0),
        optimizer=OptimizerConfig(clip_norm=1.0, schedule="constant"),
        data=PipelineConfig(frames=model.clip[0]),
    )


def first_state(experiment: Experiment) -> TrainState:
    """Fresh weights, and codebooks from clips of noise."""
    optimizer = make_optimizer(experiment.optimizer, STEPS, 1)
    return new_state(experiment, optimizer, jax.random.key(0), jnp.asarray(clips_of(experiment.model, 1)), None)


def clips_of(model: ModelConfig, count: int) -> np.ndarray:
    """Smooth coloured noise, [count, T, H, W, 3] uint8."""
    t, h, w = model.clip
    coarse = np.random.default_rng(0).integers(0, 256, (count, t // 4, h // 4, w // 4, 3), np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2).repeat(4, 3)


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


def compare(job: Job, variants: list[str]) -> tuple[list[Row], list[str]]:
    """One row per kind of work, and which sides had too little memory for the batch."""
    import torch

    from benchmarks.peers.torch_programs import VARIANTS, torch_programs

    # Compiled for the last batch: of no more use, and counted against the limit of recompilations.
    torch.compiler.reset()
    clips, failed = clips_of(job.experiment.model, job.batch), []
    ours: dict[str, Program] = {}
    try:
        ours = jax_programs(job.experiment, job.state, clips, job.steps, job.wanted)
    except UserError as error:
        failed.append(f"JAX: {error}")
    calls = {(JAX, what): program.call for what, program in ours.items()}
    for variant in (VARIANTS[name] for name in variants):
        programs = torch_programs(variant, job.experiment, job.state, clips, job.steps)
        calls |= {(str(variant), what): programs[what] for what in job.wanted}
    first: dict[tuple[str, str], float] = {}
    losses = {}
    for (side, what), call in list(calls.items()):
        began = time.perf_counter()
        try:
            result = call()
        except (UserError, torch.OutOfMemoryError) as error:
            failed.append(f"{side}, {what}: {str(error).splitlines()[0]}")
            del calls[side, what]
            torch.cuda.empty_cache()
            continue
        first[side, what] = time.perf_counter() - began
        if what == "train step":
            losses[side] = float(result.scalars["loss"] if side == JAX else result.loss)
    check_losses(losses, job.experiment.model.dtype)
    rows = []
    for what in job.wanted:
        sides = {side: call for (side, at), call in calls.items() if at == what}
        if sides:
            seconds = {side: t / job.steps for side, t in CLOCKS[job.clock](sides, job.repeats).items()}
            rows.append(row(job, what, seconds, ours.get(what), first))
    return rows, failed


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
        found, short = compare(job, arguments.variants or limits.variants)
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
    torch.set_num_threads(cores)
    if arguments.clock == "cpu" and (platform != "cpu" or cores > 1):
        raise UserError("--clock cpu is for one core of a CPU: begin the command with `taskset -c 0`")
    ceiling = matmul_flops(limits.matrix, limits.dtype) if limits.matrix else {}
    rows, failed = [], []
    for name in arguments.models:
        model, batch = MODELS[name]
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
        threads={"JAX": cores, "PyTorch": torch.get_num_threads()},
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
