"""Our model as callables ready to be timed: the train step with donated state, and clips through the codec's halves."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.reconstruct import decode, encode, reconstruct
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.training.compiled import Compiled, compile_step, explain_out_of_memory
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.state import TrainState

#: The learning rate's schedule needs a length; no benchmark comes near it.
STEPS = 10_000


class Program(NamedTuple):
    """A compiled program over a fixed batch."""

    call: Callable[[], Any]
    compile_s: float
    memory_bytes: int  # arguments and activations, as the compiler plans them


def jax_programs(
    experiment: Experiment, state: TrainState, clips_BTHWC: np.ndarray, steps: int, wanted: list[str]
) -> dict[str, Program]:
    """Those of train step, reconstruct, encode and decode that are wanted, on one device.

    Args:
      experiment: gamma must be 0: no perceptual loss.
      state: copied; the step gives its own copy's buffers away as in training.
      clips_BTHWC: uint8.
      steps: each call runs this many times; the next waits for the last result.

    Raises:
      UserError: if the device has too little memory.
    """
    devices = DeviceMap("shard_map", jax.devices()[:1])
    model, key = MSVQVAE(experiment.model), jax.random.key(1)
    clips, state = devices.split(clips_BTHWC), devices.replicate(state)
    weights = (state.params, state.extras["codebooks"])
    programs = {}

    def add(what: str, mapped: Callable[..., Any], *arguments: Any) -> Compiled:
        began = time.perf_counter()
        compiled = compile_step(mapped, *arguments)
        needed = compiled.argument_bytes + compiled.temporary_bytes
        programs[what] = Program(lambda: compiled.call(*arguments), time.perf_counter() - began, needed)
        return compiled

    def forward(what: str, function: Callable[..., Any], *arguments: Any) -> None:
        def run(weights: Any, *inputs: Any) -> tuple[Any]:
            return (function(model, *weights, *inputs),)

        add(what, devices.map(run, (False, True), (True,)), weights, *arguments)

    if "train step" in wanted:
        mapped = devices.map(MSVQVAETask(experiment, STEPS).step, (False, True, False, False), (False, False), (0,))
        compiled = add("train step", mapped, state, clips, key, None)
        held = [jax.tree.map(lambda leaf: leaf.copy(), state)]

        def step() -> Any:
            held[0], metrics = compiled.call(held[0], clips, key, None)
            return metrics

        programs["train step"] = programs["train step"]._replace(call=step)
    if "reconstruct" in wanted:
        forward("reconstruct", reconstruct, clips)
    if "encode" in wanted or "decode" in wanted:
        forward("encode", encode, clips)
    if "decode" in wanted:
        (indices,) = programs["encode"].call()
        forward("decode", decode, indices)

    def repeated(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with explain_out_of_memory():
                for _ in range(steps):
                    result = call()
                return jax.block_until_ready(result)

        return run

    return {what: programs[what]._replace(call=repeated(programs[what].call)) for what in wanted}
