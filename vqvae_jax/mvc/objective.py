"""The objective of a batch of frames (Tang et al. 2023, equation 13)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.mvc.coded import rounded, scene_embeddings, stepped, stepped_bits
from vqvae_jax.mvc.context import crop, embed
from vqvae_jax.mvc.experiment import Experiment, LossConfig
from vqvae_jax.mvc.losses.consistency import consistency_loss, unit
from vqvae_jax.mvc.losses.flow import flow_terms
from vqvae_jax.mvc.losses.frequency import frequency_loss
from vqvae_jax.mvc.losses.spatial import spatial_loss
from vqvae_jax.mvc.network import decode
from vqvae_jax.mvc.rate import weight
from vqvae_jax.mvc.schedule import Phase
from vqvae_jax.mvc.weights import Params
from vqvae_jax.precision import normalise
from vqvae_jax.training.gradients import Aux

Batch = tuple[Array, Array]  # padded uint8 frames [B, 1, H, W, 3], their numbers [B] int32
Features = Callable[[dict[str, Array], Array], Array]  # weights, [B, H, W, 3] in [0, 1] -> [B, dim]


class Constants(NamedTuple):
    """What a fit knows of its scene; lies on the device."""

    codes: Array  # [T, 2 l], of time
    context: Array  # [T, h, w, 3]
    flow: Array | None = None  # [T, H, W, 4] float16
    net: dict[str, Array] | None = None  # weights of what makes features
    mean: Array | None = None  # [dim], of the original frames' features; it is taken off first
    originals: Array | None = None  # [T, dim], the original frames' features then, of length 1


def pixel_loss(loss: LossConfig, x_BHWC: Array, y_BHWC: Array) -> Array:
    """The terms that two pictures alone have, weighted: [B]."""
    found = loss.spatial * spatial_loss(x_BHWC, y_BHWC)
    return found + loss.frequency * frequency_loss(x_BHWC, y_BHWC, loss.frequency_norm) if loss.frequency else found


def training_loss(
    experiment: Experiment,
    phase: Phase,
    constants: Constants,
    features: Features | None,
    memory: Array | None,
    key: Array,
    log_rate: Array | None = None,
) -> Callable[[Params, Batch], tuple[Array, Aux]]:
    """The loss of (params, batch) that `global_gradients` takes.

    Its samples are what the memory is to hold: numbers of frames and their features.

    Args:
      experiment: with network and losses.
      phase: of the fit.
      constants: of the scene.
      features: what makes them, where there is a TCL.
      memory: [T, dim], of the frames as they were seen last.
      key: of noise.
      log_rate: of a fit that is steered to a rate; see `rate`.
    """
    model, loss, fit = experiment.model, experiment.loss, experiment.fit
    pixels = math.prod(model.clip)

    def embeddings(params: Params, numbers: Array) -> tuple[Array | None, Array]:
        """Of these frames, and bits of those of all; 0 as long as they are not rounded."""
        if not phase.rounds:
            return embed(model, params.training, constants.context[numbers], numbers), jnp.zeros(())
        found = scene_embeddings(model, fit, params, constants.context)
        return (None, jnp.zeros(())) if found is None else (found[0][numbers], found[1])

    def objective(params: Params, batch: Batch) -> tuple[Array, Aux]:
        clips, numbers = batch
        x = normalise(clips[:, 0])
        weights = params.decoder
        if phase.rounds:
            weights = stepped(model, params) if phase.counts else rounded(fit, params)
        embedding, embedding_bits = embeddings(params, numbers)
        decoded = decode(model, weights, constants.codes[numbers], embedding)
        total = pixel_loss(loss, x, decoded.frames)
        error = jnp.mean(jnp.square(crop(model, decoded.frames - x)), axis=(1, 2, 3))
        terms = {"pixel_loss": total, "psnr": -10.0 * jnp.log10(jnp.maximum(error, 1e-10))}
        samples = {}
        if constants.flow is not None:
            targets = constants.flow[numbers].astype(jnp.float32) / loss.flow_scale
            found = flow_terms(params.training, decoded.features, targets, numbers, loss.guard, loss.regularised)
            total = total + loss.flow * (found.flow + found.guard) + loss.entropy * found.entropy
            terms |= {"flow/loss": found.flow, "flow/entropy": found.entropy, "flow/mask": found.mask}
        if features is not None:
            assert memory is not None and constants.net is not None
            assert constants.mean is not None and constants.originals is not None
            made = unit(features(constants.net, decoded.frames), constants.mean)
            own = constants.originals[numbers] @ constants.originals.T
            similar = consistency_loss(made @ memory.T, numbers, loss.window, loss.target, own)
            total = total + loss.consistency * similar
            terms["consistency"] = similar
            samples = {"numbers": numbers, "features": jax.lax.stop_gradient(made)}
        means = {name: jnp.mean(term) for name, term in terms.items()}
        value = jnp.mean(total)
        if phase.counts:
            means["weights_bpp"] = stepped_bits(model, fit, params, key) / pixels
            rate = jnp.asarray(fit.rate)
            if log_rate is not None:
                means["bpp"] = means["weights_bpp"] + embedding_bits / pixels
                rate = means["rate"] = weight(log_rate, means["bpp"], fit.bpp)
            value = value + rate * means["weights_bpp"]
        return value, Aux({"loss": value} | means, sums=(), samples=samples)

    return objective
