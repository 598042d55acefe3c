"""Named models of ours, measured whole: callables ready to be timed, how they are trained, and what they are fed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tyro.conf import arg

from benchmarks.report import spent
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae import named
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks, apply_model
from vqvae_jax.msvqvae.reconstruct import decode, encode, reconstruct
from vqvae_jax.msvqvae.start import new_state
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.precision import normalise
from vqvae_jax.training.compiled import Compiled, compile_step, explain_out_of_memory
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.optimizer import OptimizerConfig, make_optimizer
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import Step

MODELS = {"msvqvae": named.MSVQVAE_MODEL, "tiny": named.TINY_MODEL}
#: Clips a batch on a CPU.
BATCHES = {"msvqvae": 1, "tiny": 4}
Name = Literal["msvqvae", "tiny"]
Clip = Annotated[Triple | None, arg(help="frames, height, width; default: the model's clip")]
#: The learning rate's schedule needs a length; no benchmark comes near it.
STEPS = 10_000
#: Of the key that train steps draw with.
SEED = 1
#: Of a function of params, extras and what it is given.
Use = Callable[[PyTree, dict[str, PyTree], Any], Any]


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


def noise(model: ModelConfig | NtcConfig, count: int) -> np.ndarray:
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
    """Those of train step, forward, reconstruct, encode and decode that are wanted, on one device; see `programs`.

    Args:
      experiment: gamma must be 0: no perceptual loss.
    """
    model = MSVQVAE(experiment.model)

    def use(function: Callable[..., Any]) -> Use:
        return lambda params, extras, given: function(model, params, extras["codebooks"], given)

    uses = {"forward": use(forward), "reconstruct": use(reconstruct), "encode": use(encode), "decode": use(decode)}
    return programs(MSVQVAETask(experiment, STEPS).step, uses, state, clips_BTHWC, steps, wanted)


def programs(
    train: Step,
    uses: Mapping[str, Use],
    state: TrainState,
    batch: PyTree,
    steps: int,
    wanted: list[str],
    constants: PyTree = None,
) -> dict[str, Program]:
    """The train step and those uses of a model that are wanted, on one device.

    Args:
      train: of a family's `Task`.
      uses: functions of (params, extras, clips) by name; `decode` is given what `encode` returns.
      state: copied; the step gives its own copy's buffers away as in training.
      batch: uint8 clips [B, T, H, W, 3], or what else a step of the family is given.
      steps: each call runs this many times; the next waits for the last result.
      wanted: names of uses, and "train step".
      constants: of the family's `Task`.

    Raises:
      UserError: if the device has too little memory.
    """
    devices = DeviceMap("shard_map", jax.devices()[:1])
    given, state, key = jax.tree.map(devices.split, batch), devices.replicate(state), jax.random.key(SEED)
    weights = (state.params, state.extras)

    def program(mapped: Callable[..., Any], *arguments: Any) -> Program:
        found: list[Compiled] = []
        seconds = spent(lambda: found.append(compile_step(mapped, *arguments)))
        return Program(partial(found[0].call, *arguments), seconds.wall_s, found[0])

    def use(name: str) -> Program:
        def run(weights: Any, given: Any) -> tuple[Any]:
            params, extras = weights
            return (uses[name](params, extras, given),)

        coded = use("encode").call()[0] if name == "decode" else given
        return program(devices.map(run, (False, True), (True,)), weights, coded)

    def train_step() -> Program:
        mapped = devices.map(train, (False, True, False, False), (False, False), (0,))
        made = program(mapped, state, given, key, constants)
        held = [jax.tree.map(lambda leaf: leaf.copy(), state)]

        def step() -> Any:
            held[0], metrics = made.compiled.call(held[0], given, key, constants)
            return metrics

        return made._replace(call=step)

    found = {what: train_step() if what == "train step" else use(what) for what in wanted}
    return {what: made._replace(call=repeated(made.call, steps)) for what, made in found.items()}


def repeated(call: Callable[[], Any], steps: int, wait: Callable[[Any], Any] = jax.block_until_ready) -> Callable:
    """Calls so many times, then waits for the last result and returns it."""

    def run() -> Any:
        with explain_out_of_memory():
            for _ in range(steps):
                result = call()
            wait(result)
            return result

    return run
