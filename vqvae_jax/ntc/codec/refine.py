"""Encoder effort: a group of pictures' latents are moved down the gradient of what they cost (Campos et al. 2019).

The decoder is what it is. All units are refined together, since what one unit sends is what the next ones lean on.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from vqvae_jax.ntc.coding import code, latent_bits, synthesise
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.ntc.prior import rounded
from vqvae_jax.precision import normalise
from vqvae_jax.training.state import PyTree

#: Of Adam on latents in steps of the quantiser; falls to nothing along a cosine.
STEP_SIZE = 0.01


class _State(NamedTuple):
    y: Array
    optimizer: PyTree
    best: Array  # the latents that cost least so far
    least: Array  # [] what they cost


def refined_latents(config: NtcConfig, params: PyTree, clip_THWC: np.ndarray, rate: int, steps: int) -> np.ndarray:
    """Latents before rounding, float32 [U, h, w, M]: of all that were tried those whose file costs least.

    Args:
      config: the model.
      params: transform and prior.
      clip_THWC: uint8, whole units of padded pictures.
      rate: number of the rate.
      steps: of the refinement; 0 gives what the encoder finds.
    """
    clip, numbers = jnp.asarray(clip_THWC[None]), jnp.full((1,), rate, jnp.int32)
    y = _begin(config, params, clip, numbers)
    state = _State(y, _adam(max(steps, 1)).init(y), y, jnp.float32(jnp.inf))
    weight = jnp.float32(config.lagrangian(rate))
    for _ in range(steps):
        state = _improve(config, steps, params, state, clip, numbers, weight)
    return np.asarray(state.best)[0]


def _adam(steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(STEP_SIZE, steps), b1=0.9, b2=0.99)


@partial(jax.jit, static_argnums=0)
def _begin(config: NtcConfig, params: PyTree, clip: Array, rate: Array) -> Array:
    return code(config, params, 2.0 * normalise(clip) - 1.0, rate).y


@partial(jax.jit, static_argnums=(0, 1))
def _improve(
    config: NtcConfig, steps: int, params: PyTree, state: _State, clip: Array, rate: Array, weight: Array
) -> _State:
    x = 2.0 * normalise(clip) - 1.0

    def cost(y: Array) -> Array:
        # No noise in place of rounding: the prior of a bundle is sharp, it was fitted to whole latents.
        q = rounded(y)
        bits = jnp.sum(latent_bits(config, params, q, q, rate))
        squared = jnp.mean(jnp.square(synthesise(config, params, q, rate) - x)) * 127.5**2
        return bits + weight * squared * (clip.size / 3)

    now, gradient = jax.value_and_grad(cost)(state.y)
    better = now < state.least
    updates, optimizer = _adam(steps).update(gradient, state.optimizer)
    return _State(
        optax.apply_updates(state.y, updates),
        optimizer,
        jnp.where(better, state.y, state.best),
        jnp.minimum(now, state.least),
    )
