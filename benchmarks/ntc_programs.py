"""The `ntc` model, measured whole: callables ready to be timed, and how it is trained."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.jax_programs import SEED, STEPS, Program, programs
from experiments.configs import ntc
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.ntc.coding import code, synthesise
from vqvae_jax.ntc.config import RATE_STEPS, UNIT
from vqvae_jax.ntc.count import cost
from vqvae_jax.ntc.experiment import Experiment
from vqvae_jax.ntc.objective import uniform_noise
from vqvae_jax.ntc.rates import spread_rates
from vqvae_jax.ntc.train import NtcTask
from vqvae_jax.precision import DTypeName, normalise
from vqvae_jax.training.state import PyTree, TrainState

#: Clips a batch on a CPU: as many as it is trained with.
BATCH = ntc.config.data.batch_size
#: Rate number of everything but training: the fourth lambda's, 1.6e-3.
RATE = 3 * RATE_STEPS


def experiment_of(clip: Triple | None, dtype: DTypeName) -> Experiment:
    """`experiments/configs/ntc.py` at a constant learning rate, for clips of this size, by default its own."""
    config = ntc.config
    model = replace(config.model, clip=clip or config.model.clip, dtype=dtype)
    optimizer = replace(config.optimizer, schedule="constant", warmup_steps=0)
    return replace(config, model=model, optimizer=optimizer, data=replace(config.data, frames=model.clip[0]))


def first_state(experiment: Experiment) -> TrainState:
    """Fresh weights."""
    return NtcTask(experiment, STEPS).init(jax.random.key(0), jnp.zeros(()))


def ntc_programs(
    experiment: Experiment, state: TrainState, clips_BTHWC: np.ndarray, steps: int, wanted: list[str]
) -> dict[str, Program]:
    """Those of train step, reconstruct, encode and decode that are wanted, on one device; see `programs`.

    All but the train step work at `RATE`; latents are [B, U, h, w, M] float32, whole.
    """
    config = experiment.model

    def rates(given: Array) -> Array:
        return jnp.full((given.shape[0],), RATE, jnp.int32)

    def shown(frames: Array) -> Array:
        return to_uint8((frames + 1.0) / 2.0)

    def reconstruct(params: PyTree, extras: dict[str, PyTree], clips: Array) -> Array:
        return shown(code(config, params, 2.0 * normalise(clips) - 1.0, rates(clips)).frames)

    def encode(params: PyTree, extras: dict[str, PyTree], clips: Array) -> Array:
        return code(config, params, 2.0 * normalise(clips) - 1.0, rates(clips)).q

    def decode(params: PyTree, extras: dict[str, PyTree], q: Array) -> Array:
        return shown(synthesise(config, params, q, rates(q)))

    uses = {"reconstruct": reconstruct, "encode": encode, "decode": decode}
    return programs(NtcTask(experiment, STEPS).step, uses, state, clips_BTHWC, steps, wanted)


def first_draws(experiment: Experiment, batch: int, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rate numbers [B] and noise [B, U, h, w, M] that `NtcTask.step` draws in the first steps of `ntc_programs`."""
    config, found = experiment.model, []
    frames, height, width = config.clip
    shape = batch, frames // UNIT, height // 8, width // 8, config.latents
    for step in range(steps):
        rates_key, noise_key = jax.random.split(jax.random.fold_in(jax.random.key(SEED), step))
        drawn = spread_rates(rates_key, batch, config.rates), uniform_noise(noise_key, shape)
        found.append((np.asarray(drawn[0]), np.asarray(drawn[1])))
    return found


def step_flops(experiment: Experiment) -> float:
    """Floating-point operations of a train step for one clip: two per multiply-accumulate, each three times."""
    return 2.0 * 3 * cost(experiment.model).forward_macs
