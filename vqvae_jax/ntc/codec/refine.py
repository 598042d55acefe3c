"""Encoder effort: whole latents are moved by one where the file would cost less for it; the decoder is what it is.

What a move of each latent alone would change is estimated from one gradient: errors by their first and second
derivatives, its own bits exactly, those of others by their gradient. Some of the moves that promise something are drawn
and made together, in all units at once, for what one unit sends is what the next ones lean on. If that costs less, half
as many again are drawn next, otherwise half as many from where it was best. Gradient steps on latents that are rounded
afterwards (Campos et al. 2019) save nothing here: most latents are zero, where the gradient of their own bits is none
though a move costs several.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.entropy.logistic_tables import logistic_tables
from vqvae_jax.ntc.codec.latents import left_out, table_rows
from vqvae_jax.ntc.coding import beliefs, code, synthesise
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.ntc.prior import Belief, bits
from vqvae_jax.precision import normalise
from vqvae_jax.training.state import PyTree

#: Of the moves that promise something, the share that is made first, and by what it grows where that was good.
FIRST_SHARE, GROWTH = 0.05, 1.5
#: Random directions by which second derivatives are estimated, and how many the mean of a latent's channel counts for.
PROBES, MEAN_WEIGHT = 16, 4
_AT_ONCE = 4
#: Factor of the second derivatives, first and last: moves that look good are those whose curvature is underestimated.
CAUTION = 2.0, 1.0


class Problem(NamedTuple):
    """What does not change."""

    params: PyTree  # transform and prior
    clip: Array  # [1, T, H, W, 3] in [-1, 1]
    rate: Array  # [1] its number
    weight: Array  # [] bits for a squared error of a component
    zero: Array  # chance of zero by row of `LogisticTables`, in 2**-16
    skip: Array  # [] the chance above which a latent is left out


class _State(NamedTuple):
    q: Array  # [1, U, h, w, M], to be tried next
    best: Array  # the latents that cost least so far
    least: Array  # [] what they cost, in bits
    moves: Array  # -1 or 1: the move of each that promises most
    gains: Array  # bits that it promises, 0 or more
    share: Array  # [] of the promising moves, how many are drawn
    key: Array


def refined_latents(
    config: NtcConfig, params: PyTree, skip: int, clip_THWC: np.ndarray, rate: int, steps: int
) -> np.ndarray:
    """Whole latents, float32 [U, h, w, M]: of all that were tried those whose file costs least.

    Args:
      config: the model.
      params: transform and prior.
      skip: of `codec.latents.left_out`.
      clip_THWC: uint8, whole units of padded pictures.
      rate: number of the rate.
      steps: of the refinement, 1 or more; what prepares it takes as long as some seven of them.
    """
    problem = Problem(
        params,
        2.0 * normalise(jnp.asarray(clip_THWC[None])) - 1.0,
        jnp.full((1,), rate, jnp.int32),
        jnp.float32(config.lagrangian(rate) * 127.5**2 / 3),
        jnp.asarray(logistic_tables().zero),
        jnp.int32(skip),
    )
    q = _begin(config, problem)
    curvature = second_derivatives(config, problem, q)
    nothing, unknown = jnp.zeros_like(q), jnp.float32(jnp.inf)
    state = _State(q, q, unknown, nothing, nothing, jnp.float32(FIRST_SHARE), jax.random.key(0))
    # The last one looks at what came of the moves before.
    for caution in np.linspace(*CAUTION, steps + 1, dtype=np.float32):
        state = _improve(config, problem, caution * curvature, state)
    return np.asarray(state.best)[0]


def second_derivatives(config: NtcConfig, problem: Problem, q: Array) -> Array:
    """Of the errors' cost by each latent: the diagonal of the Gauss-Newton matrix, estimated; shape of `q`."""
    keys = jax.random.split(jax.random.key(0), PROBES // _AT_ONCE)
    mean = sum(_squared_effects(config, problem, q, key) for key in keys) / len(keys)
    usual = jnp.mean(mean, axis=(2, 3), keepdims=True)
    return 2.0 * problem.weight * (PROBES * mean + MEAN_WEIGHT * usual) / (PROBES + MEAN_WEIGHT)


@partial(jax.jit, static_argnums=0)
def _begin(config: NtcConfig, problem: Problem) -> Array:
    return code(config, problem.params, problem.clip, problem.rate).q


@partial(jax.jit, static_argnums=0)
def _squared_effects(config: NtcConfig, problem: Problem, q: Array, key: Array) -> Array:
    """Sums, over all components of all frames, of the squares of a latent's effects on them.

    The square of a random combination of them is that sum on average (Bekas et al. 2007).
    """
    frames, back = jax.vjp(lambda q: synthesise(config, problem.params, q, problem.rate), q)
    probes = jax.random.rademacher(key, (_AT_ONCE, *frames.shape), frames.dtype)
    return jnp.mean(jnp.square(jax.vmap(lambda probe: back(probe)[0])(probes)), axis=0)


@partial(jax.jit, static_argnums=0)
def _improve(config: NtcConfig, problem: Problem, curvature: Array, state: _State) -> _State:
    params, x, rate, weight, _, _ = problem
    # What is skipped is lost on the way; what then is skipped besides, the price of its bits keeps away from.
    q = jnp.where(_skipped(problem, beliefs(config, params, state.q, rate)), 0.0, state.q)

    def cost(q: Array) -> tuple[Array, tuple[Belief, Array]]:
        belief = beliefs(config, params, q, rate)
        skipped = _skipped(problem, belief)
        # How its own bits change with it is taken exactly, below; the gradient is that of what it says of others.
        own = jnp.where(skipped & (q == 0), 0.0, bits(belief, jax.lax.stop_gradient(q)))
        squared = jnp.sum(jnp.square(synthesise(config, params, q, rate) - x))
        return jnp.sum(own) + weight * squared, (belief, skipped)

    (now, (belief, skipped)), slope = jax.value_and_grad(cost, has_aux=True)(q)
    there = bits(belief, q)
    down, up = (step * slope + 0.5 * curvature + bits(belief, q + step) - there for step in (-1.0, 1.0))
    found = jnp.where(down < up, -1.0, 1.0), jnp.where(skipped, 0.0, jnp.maximum(-jnp.minimum(down, up), 0.0))
    better = now < state.least
    best, moves, gains = (
        jnp.where(better, new, old)
        for new, old in zip((q, *found), (state.best, state.moves, state.gains), strict=True)
    )
    share = state.share * jnp.where(better, GROWTH, 0.5)
    share = jnp.where(jnp.isinf(state.least), state.share, jnp.minimum(share, 1.0))
    key, draw = jax.random.split(state.key)
    # Drawn without replacement, by what they promise (Gumbel's trick).
    order = jnp.log(gains) + jax.random.gumbel(draw, gains.shape)
    number = jnp.maximum(share * jnp.sum(gains > 0), 1.0).astype(jnp.int32)
    drawn = (gains > 0) & (order >= -jnp.sort(-order.ravel())[number - 1])
    return _State(best + jnp.where(drawn, moves, 0.0), best, jnp.minimum(now, state.least), moves, gains, share, key)


def _skipped(problem: Problem, belief: Belief) -> Array:
    """Which latents are left out."""
    means, scales = belief.mean.astype(jnp.int32), belief.scale.astype(jnp.int32)
    return left_out(means, table_rows(means, scales), problem.zero, problem.skip)
