"""A run's checkpoint to a bundle: the transform as it is, the prior fitted once more to latents as files hold them.

In training the prior answers for latents with noise, whose bits are a fifth more than those of rounded ones; what is
sent is rounded.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from vqvae_jax.codec.bundle import Bundle, WeightType, pack_weight, unpack_weight
from vqvae_jax.data.source import ClipSet, few
from vqvae_jax.errors import UserError
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

    Raises:
      UserError: if there are fewer clips than a batch.
    """
    if min(most_clips, len(clips)) < BATCH:
        raise UserError(f"clips={min(most_clips, len(clips))}; the prior needs {BATCH} at least")
    config, params = snapshot.experiment.model, snapshot.params
    stored = jax.tree.map(lambda leaf: jnp.asarray(unpack_weight(pack_weight(leaf, weights))), params["transform"])
    coded = coded_clips(config, params | {"transform": stored}, few(clips, most_clips), show)
    prior = fitted_prior(config, params["prior"], coded, STEPS, lambda done: show("fitting the prior", done, STEPS))
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest, "prior_clips": len(coded.q)}
    return pack_weights(snapshot.experiment.name, config, params | {"prior": prior}, origin, weights)


def coded_clips(config: NtcConfig, params: PyTree, clips: ClipSet, show: Show) -> Coded:
    """Rounded latents of all whole batches of the clips, the rates of each batch spread over the range."""

    @jax.jit
    def latents(params: PyTree, batch: Array, rate: Array) -> Array:
        return code(config, params, 2.0 * normalise(batch) - 1.0, rate).q.astype(jnp.int16)

    found, rates = [], []
    whole = len(clips) // BATCH * BATCH
    for begin in range(0, whole, BATCH):
        rate = spread_rates(jax.random.key(begin), BATCH, config.rates)
        batch = jnp.asarray(clips.read(range(begin, begin + BATCH)))
        found.append(np.asarray(latents(params, batch, rate)))
        rates.append(np.asarray(rate))
        show("coding training clips", begin + BATCH, whole)
    return Coded(np.concatenate(found), np.concatenate(rates))


def fitted_prior(
    config: NtcConfig, prior: PyTree, coded: Coded, steps: int, show: Callable[[int], None] = lambda done: None
) -> PyTree:
    """The prior that spends the fewest bits on these latents; those of low rates weigh as much as in training."""
    optimizer = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))
    lambdas = jnp.asarray([config.lagrangian(rate) for rate in range(config.rates)], jnp.float32)

    @jax.jit
    def step(prior: PyTree, state: PyTree, q: Array, rate: Array) -> tuple[PyTree, PyTree]:
        def cost(prior: PyTree) -> Array:
            bits = jnp.mean(latent_bits(config, {"prior": prior}, q, q, rate), axis=(1, 2, 3, 4))
            return jnp.mean(bits / jnp.sqrt(lambdas[rate] / REFERENCE))

        updates, state = optimizer.update(jax.grad(cost)(prior), state, prior)
        return optax.apply_updates(prior, updates), state

    state, order = optimizer.init(prior), np.random.default_rng(0)
    for number in range(steps):
        chosen = order.integers(0, len(coded.q), BATCH)
        prior, state = step(prior, state, jnp.asarray(coded.q[chosen], jnp.float32), jnp.asarray(coded.rate[chosen]))
        show(number + 1)
    return prior
