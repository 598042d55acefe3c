"""What is still to train, and how long that takes: measured throughput, nothing guessed but where it says so."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.runs.training import Run, TrainingData
from experiments.tables.build import logged_clips_per_second
from experiments.tables.paper import CLIPS, TRAINING_CLIPS
from vqvae_jax.data.open import open_split
from vqvae_jax.data.stream import spread_clips
from vqvae_jax.families import family
from vqvae_jax.report.table import pipes
from vqvae_jax.training.compiled import compile_step
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.resume import trained_on

MANY = 8  # devices
STEPS = 2  # timed at least, after one that is not
SECONDS = 5.0  # and for at least so long


def plan(runs: Sequence[Run], data: TrainingData, weights: Path | None, say: Callable[[str], None]) -> None:
    """Says which runs are missing, part done or complete, and the hours to go on one device and on eight.

    Raises:
      UserError: if throughput must be measured and data or weights are missing.
    """
    rows, sources = [], []
    for run in runs:
        if not run.complete:
            say(f"{run.experiment.name}: {run.state}, {run.to_go:,} steps to go ...")
        rate, source = _rate(run, data.folder, weights)
        sources.append(f"{run.experiment.name}: {source}")
        size = run.experiment.data.batch_size
        whole = run.experiment.training.total_steps(TRAINING_CLIPS, size)
        hours = [_hours(run.to_go * size, rate), _hours(run.to_go * size, rate, MANY)]
        rows.append(
            [run.experiment.name, run.state, f"{run.to_go:,}", *hours, f"{whole:,}", _hours(whole * size, rate)]
        )
    head = ["run", "state", "steps to go", "hours, 1 device", f"hours, {MANY} devices"]
    head += ["steps on full UCF101", "hours, 1 device"]
    for line in [
        "",
        *pipes(head, rows),
        "",
        f"Training split of {data.folder}: {data.clips:,} clips. Full UCF101: {TRAINING_CLIPS:,} of {CLIPS:,} clips to "
        "train on; experiments with a fixed number of steps take as many there.",
        *sources,
        f"{MANY} devices: 1/{MANY} of the time of one, an assumption and not measured; at batch 8 each would get one "
        "clip. Validation, checkpoints, compilation and evaluation come on top.",
    ]:
        say(line)


def _rate(run: Run, data: Path, weights: Path | None) -> tuple[float | None, str]:
    """Clips per second of one device, and where the figure comes from."""
    logged = logged_clips_per_second(run.folder)
    if logged is not None:
        machines = trained_on(run.folder)
        devices = machines[-1].devices if machines else 1
        named = str(machines[-1]) if machines else "the machine that trained it, not recorded"
        return logged / devices, f"{logged:.2f} clips/s, median of what the run has logged on {named}"
    return measured_clips_per_second(run.experiment, data, weights)


def measured_clips_per_second(experiment: Any, data: Path, weights: Path | None) -> tuple[float, str]:
    """Clips per second of one device, and how that was found: the experiment's train step, timed on real clips.

    Raises:
      UserError: if data or weights are missing, or memory does not suffice.
    """
    devices = DeviceMap(experiment.training.mapping)
    size = experiment.data.batch_size
    devices.check_batch(size, "data.batch_size")
    clips = open_split(data, "train")
    task = family(experiment.family).task(experiment, 1000, weights)
    batch = np.asarray(spread_clips(clips, experiment.data))
    key = jax.random.key(0)
    state = devices.replicate(task.init(key, jnp.asarray(batch), None))
    replicated = devices.replicate(key), devices.replicate(task.constants)
    mapped = devices.map(task.stages[-1].step, (False, True, False, False), (False, False), donate=(0,))
    began = time.perf_counter()
    step = compile_step(mapped, state, devices.split(batch), *replicated)
    compiled = time.perf_counter() - began

    def run() -> None:
        nonlocal state
        state, metrics = step.call(state, devices.split(batch), *replicated)
        jax.block_until_ready((state, metrics))

    run()
    began, done = time.perf_counter(), 0
    while done < STEPS or time.perf_counter() - began < SECONDS:
        run()
        done += 1
    rate = done * size / (time.perf_counter() - began)
    count, kind = len(devices.devices), devices.devices[0].device_kind
    return rate / count, (
        f"{rate:.2f} clips/s, {done} steps timed now on {count} x {kind} (compiled in {compiled:.0f} s)"
    )


def _hours(clips: int, rate: float | None, devices: int = 1) -> str:
    if rate is None:
        return "not measured"
    hours = clips / rate / devices / 3600
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2g}"
