"""A run's checkpoint to a bundle: the transform as it is, the prior fitted once more to latents as files hold them.

In training the prior answers for latents with noise, whose bits are a fifth more than those of rounded ones; what is
sent is rounded. Clips that are held out say when to stop: of few clips a prior soon knows every one by heart, and with
fewer than `FEWEST` it stays as it was trained.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from vqvae_jax.codec.bundle import Bundle, WeightType
from vqvae_jax.codec.tensors import rounded_tree
from vqvae_jax.data.source import ClipSet, few
from vqvae_jax.ntc.codec.weights import pack_weights
from vqvae_jax.ntc.coding import code, latent_bits
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.ntc.objective import REFERENCE
from vqvae_jax.ntc.rates import spread_rates
from vqvae_jax.precision import normalise
from vqvae_jax.training.snapshot import Snapshot
from vqvae_jax.training.state import PyTree

BATCH = 8  # clips
STEPS = 400
LOOK_EVERY = 50  # steps
PATIENCE = 3  # looks that found no better one
HELD_OUT = 8  # every so many-th batch
FEWEST = 200  # clips; of fewer a prior only gets worse for others
LEARNING_RATE = 1e-3  # of Adam, falling to nothing along a cosine
Show = Callable[[str, int, int], None]


class Coded(NamedTuple):
    """Clips as files would hold them."""

    q: np.ndarray  # [N, U, h, w, M] int16
    rate: np.ndarray  # [N] int32


def fit(snapshot: Snapshot, clips: ClipSet, most_clips: int, weights: WeightType, show: Show) -> Bundle:
    """The bundle of a checkpoint.

    Args:
      snapshot: of `load_snapshot`.
      clips: the split that the run was trained on; so many of them, evenly spread and each at a rate of its own, are
        what the prior is fitted to.
      most_clips: how many.
      weights: how the transform is stored; latents are those of weights rounded like that.
      show: told of clips coded and of steps of fitting: so many so far and in all.
    """
    config, params = snapshot.experiment.model, snapshot.params
    chosen = few(clips, most_clips)
    if enough := len(chosen) >= FEWEST:
        stored = params | {"transform": rounded_tree(params["transform"], weights)}
        coded, held_out = coded_clips(config, stored, chosen, show)
        prior = fitted_prior(
            config, params["prior"], coded, held_out, STEPS, lambda done: show("fitting the prior", done, STEPS)
        )
        params = params | {"prior": prior}
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest}
    origin["prior_clips"] = len(chosen) if enough else 0
    return pack_weights(snapshot.experiment.name, config, params, origin, weights)


def coded_clips(config: NtcConfig, params: PyTree, clips: ClipSet, show: Show) -> tuple[Coded, Coded]:
    """Rounded latents of all whole batches of the clips, the rates of each batch spread over the range.

    Returns:
      Those to fit to, and those of the clips that are held out: every eighth batch of `BATCH`.
    """

    @jax.jit
    def latents(params: PyTree, batch: Array, rate: Array) -> Array:
        return code(config, params, 2.0 * normalise(batch) - 1.0, rate).q.astype(jnp.int16)

    parts: tuple[list[Coded], list[Coded]] = [], []
    batches = len(clips) // BATCH
    for number in range(batches):
        rate = spread_rates(jax.random.key(number), BATCH, config.rates)
        batch = jnp.asarray(clips.read(range(number * BATCH, (number + 1) * BATCH)))
        held_out = number % HELD_OUT == HELD_OUT - 1
        parts[held_out].append(Coded(np.asarray(latents(params, batch, rate)), np.asarray(rate)))
        show("coding training clips", number + 1, batches)
    fitted, held = (Coded(*map(np.concatenate, zip(*part, strict=True))) for part in parts)
    return fitted, held


def fitted_prior(
    config: NtcConfig,
    prior: PyTree,
    coded: Coded,
    held_out: Coded,
    steps: int,
    show: Callable[[int], None] = lambda done: None,
) -> PyTree:
    """The prior that spends the fewest bits on these latents; those of low rates weigh as much as in training.

    Of the first one and those of every fiftieth step it is the one that is best on the latents held out; where three
    looks in a row found no better one, that is the end.
    """
    optimizer = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))
    lambdas = jnp.asarray([config.lagrangian(rate) for rate in range(config.rates)], jnp.float32)

    def cost(prior: PyTree, q: Array, rate: Array) -> Array:
        bits = jnp.mean(latent_bits(config, {"prior": prior}, q, q, rate), axis=(1, 2, 3, 4))
        return jnp.mean(bits / jnp.sqrt(lambdas[rate] / REFERENCE))

    @jax.jit
    def step(prior: PyTree, state: PyTree, q: Array, rate: Array) -> tuple[PyTree, PyTree]:
        updates, state = optimizer.update(jax.grad(cost)(prior, q, rate), state, prior)
        return optax.apply_updates(prior, updates), state

    look = jax.jit(cost)

    def held_out_cost(prior: PyTree) -> float:
        whole = range(0, len(held_out.q), BATCH)
        return sum(float(look(prior, *_batch(held_out, slice(begin, begin + BATCH)))) for begin in whole) / len(whole)

    state, order = optimizer.init(prior), np.random.default_rng(0)
    best, least, best_at = prior, held_out_cost(prior), 0
    for number in range(1, steps + 1):
        prior, state = step(prior, state, *_batch(coded, order.integers(0, len(coded.q), BATCH)))
        if (number % LOOK_EVERY == 0 or number == steps) and (found := held_out_cost(prior)) < least:
            best, least, best_at = prior, found, number
        show(number)
        if number - best_at >= PATIENCE * LOOK_EVERY:
            break
    return best


def _batch(coded: Coded, chosen: np.ndarray | slice) -> tuple[Array, Array]:
    return jnp.asarray(coded.q[chosen], jnp.float32), jnp.asarray(coded.rate[chosen])
