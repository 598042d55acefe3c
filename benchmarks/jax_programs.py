"""Named models of ours, measured whole: callables ready to be timed, how they are trained, and what they are fed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tyro.conf import arg

from benchmarks.report import spent
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.layers.conv3d import Triple
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae import named
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks, apply_model
from vqvae_jax.msvqvae.reconstruct import decode, encode, reconstruct
from vqvae_jax.msvqvae.start import new_state
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.precision import normalise
from vqvae_jax.training.compiled import Compiled, compile_step, explain_out_of_memory
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.optimizer import OptimizerConfig, make_optimizer
from vqvae_jax.training.state import PyTree, TrainState

MODELS = {"msvqvae": named.MSVQVAE_MODEL, "tiny": named.TINY_MODEL}
#: Clips a batch on a CPU.
BATCHES = {"msvqvae": 1, "tiny": 4}
Name = Literal["msvqvae", "tiny"]
Clip = Annotated[Triple | None, arg(help="frames, height, width; default: the model's clip")]
#: The learning rate's schedule needs a length; no benchmark comes near it.
STEPS = 10_000


class Program(NamedTuple):
    """A compiled program over a fixed batch."""

    call: Callable[[], Any]
    compile_s: float
    compiled: Compiled  # what memory the compiler plans


def model_of(name: Name, clip: Triple | None) -> ModelConfig:
    """A named model for clips of this size, by default its own."""
    return replace(MODELS[name], clip=clip) if clip else MODELS[name]


def experiment_of(model: ModelConfig) -> Experiment:
    """Reconstruction and commitment alone, no level dropout, gradients clipped."""
    return Experiment(
        model=replace(model, level_dropout=0.0),
        loss=LossConfig(gamma=0.0),
        optimizer=OptimizerConfig(clip_norm=1.0, schedule="constant"),
        data=PipelineConfig(frames=model.clip[0]),
    )


def first_state(experiment: Experiment) -> TrainState:
    """Fresh weights, and codebooks from clips of noise."""
    optimizer = make_optimizer(experiment.optimizer, STEPS, 1)
    return new_state(experiment, optimizer, jax.random.key(0), jnp.asarray(noise(experiment.model, 1)), None)


def noise(model: ModelConfig, count: int) -> np.ndarray:
    """Smooth coloured clips, [count, T, H, W, 3] uint8."""
    t, h, w = model.clip
    coarse = np.random.default_rng(0).integers(0, 256, (count, t // 4, h // 4, w // 4, 3), np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2).repeat(4, 3)


def forward(model: MSVQVAE, params: PyTree, codebooks: Codebooks, clips_BTHWC: jax.Array) -> jax.Array:
    """uint8 clips -> what training compares them with."""
    return apply_model(model, params, normalise(clips_BTHWC), codebooks).reconstruction


def jax_programs(
    experiment: Experiment, state: TrainState, clips_BTHWC: np.ndarray, steps: int, wanted: list[str]
) -> dict[str, Program]:
    """Those of train step, forward, reconstruct, encode and decode that are wanted, on one device.

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

    def program(mapped: Callable[..., Any], *arguments: Any) -> Program:
        found: list[Compiled] = []
        seconds = spent(lambda: found.append(compile_step(mapped, *arguments)))
        return Program(partial(found[0].call, *arguments), seconds.wall_s, found[0])

    def use(function: Callable[..., Any], *inputs: Any) -> Program:
        def run(weights: Any, *inputs: Any) -> tuple[Any]:
            return (function(model, *weights, *inputs),)

        return program(devices.map(run, (False, True), (True,)), weights, *inputs)

    def train_step() -> Program:
        mapped = devices.map(MSVQVAETask(experiment, STEPS).step, (False, True, False, False), (False, False), (0,))
        made = program(mapped, state, clips, key, None)
        held = [jax.tree.map(lambda leaf: leaf.copy(), state)]

        def step() -> Any:
            held[0], metrics = made.compiled.call(held[0], clips, key, None)
            return metrics

        return made._replace(call=step)

    make = {
        "train step": train_step,
        "forward": lambda: use(forward, clips),
        "reconstruct": lambda: use(reconstruct, clips),
        "encode": lambda: use(encode, clips),
        "decode": lambda: use(decode, use(encode, clips).call()[0]),
    }
    programs = {what: make[what]() for what in wanted}
    return {what: made._replace(call=repeated(made.call, steps)) for what, made in programs.items()}


def repeated(call: Callable[[], Any], steps: int, wait: Callable[[Any], Any] = jax.block_until_ready) -> Callable:
    """Calls so many times, then waits for the last result and returns it."""

    def run() -> Any:
        with explain_out_of_memory():
            for _ in range(steps):
                result = call()
            wait(result)
            return result

    return run
