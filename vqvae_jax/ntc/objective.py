"""R + lambda D (Balle et al. 2017), one loss for all rates of a batch."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.ntc.coding import code, latent_bits
from vqvae_jax.ntc.config import UNIT, NtcConfig
from vqvae_jax.ntc.experiment import RateConfig
from vqvae_jax.ntc.motion import matched_flow
from vqvae_jax.precision import normalise
from vqvae_jax.training.gradients import Aux
from vqvae_jax.training.state import PyTree

Batch = tuple[Array, Array, Array]  # uint8 clips, rate numbers, noise
#: The lambda at which a loss counts as it is; those of others are brought near it.
REFERENCE = 8e-4


class Weights(NamedTuple):
    """Of the loss's terms, [] each."""

    rate: Array  # 1, less in the beginning
    prediction: Array  # of the prediction's squared error, beside 1 of the frames'
    flow: Array  # of the flow's distance from what block matching finds


def weights_at(config: RateConfig, step: Array, steps: int) -> Weights:
    """The weights of a step of so many."""
    rising = config.start_weight + (1 - config.start_weight) * step / max(config.ramp * steps, 1.0)
    guidance = jnp.maximum(1.0 - step / max(config.guided * steps, 1.0), 0.0)
    return Weights(jnp.minimum(rising, 1.0), config.prediction * guidance, config.flow * guidance)


def training_loss(config: NtcConfig, weights: Weights) -> Callable[[PyTree, Batch], tuple[Array, Aux]]:
    """The loss of (params, (uint8 clips, rate numbers, noise)) that `global_gradients` takes.

    Rates are those of latents with uniform noise in place of rounding, distortions those of rounded ones (Minnen and
    Singh 2020, "mixed quantisation").
    """
    lambdas = jnp.asarray([config.lagrangian(rate) for rate in range(config.rates)], jnp.float32)

    def loss(params: PyTree, batch: Batch) -> tuple[Array, Aux]:
        clips, rate, noise = batch
        x = 2.0 * normalise(clips) - 1.0
        coded = code(config, params, x, rate)
        pixels = clips.size // clips.shape[0] // 3
        everything = (1, 2, 3, 4)
        bpp = jnp.sum(latent_bits(config, params, coded.q, coded.y + noise, rate), axis=everything) / pixels
        squared = jnp.mean(jnp.square(coded.frames - x), axis=everything)  # of [-1, 1]
        # A clip of one unit has nothing to predict from.
        first = UNIT if clips.shape[1] > UNIT else 0
        predicted = jnp.mean(jnp.square(coded.prediction - x)[:, first:], axis=everything)
        weight = lambdas[rate]
        distortion = weight * (squared + weights.prediction * predicted) * 127.5**2
        total = jnp.mean((weights.rate * bpp + distortion) / jnp.sqrt(weight / REFERENCE))
        means = {"bpp": jnp.mean(bpp), "squared_error": jnp.mean(squared) / 4.0, "predicted": jnp.mean(predicted) / 4.0}
        if config.motion and config.hints != "none":
            flow, sure = matched_flow(coded.hints, config.reach)
            means["flow"] = jnp.mean(sure * jnp.abs(coded.flow - flow))
            total = total + weights.flow * means["flow"]
        return total, Aux(means=means | {"loss": total}, sums=(), samples=())

    return loss


def uniform_noise(key: Array, shape: tuple[int, ...]) -> Array:
    """float32 in [-1/2, 1/2)."""
    return jax.random.uniform(key, shape, minval=-0.5, maxval=0.5)
