"""How fast a named experiment trains here: a few real steps, compiled and timed."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.data.open import open_split
from vqvae_jax.data.stream import spread_clips
from vqvae_jax.families import family
from vqvae_jax.training.compiled import compile_step
from vqvae_jax.training.mapping import DeviceMap

STEPS = 2  # timed at least, after one that is not
SECONDS = 5.0  # and for at least so long


class Throughput(NamedTuple):
    """Training speed on this machine."""

    clips_per_second: float  # over all devices
    devices: int
    device: str
    compile_seconds: float
    steps: int  # that were timed


def measure_throughput(experiment: Any, data: Path, weights: Path | None) -> Throughput:
    """Compiles the experiment's train step and times it on real clips; trains nothing that is kept.

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
    mapped = devices.map(task.step, (False, True, False, False), (False, False), donate=(0,))
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
    kind = devices.devices[0].device_kind
    return Throughput(rate, len(devices.devices), kind, compiled, done)
