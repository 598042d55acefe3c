"""L = L_recon + beta * (commitment * sum over levels) + w * L_perc (arXiv 2512.24547)."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.perceptual import frame_sample, perceptual_loss
from vqvae_jax.losses.terms import RECONSTRUCTIONS, commitment
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.msvqvae.model import MSVQVAE, Forward, apply_model
from vqvae_jax.precision import DType, compute_dtype, normalise
from vqvae_jax.quantization.codebook import Codebooks
from vqvae_jax.quantization.moves import statistics
from vqvae_jax.training.gradients import Aux
from vqvae_jax.training.state import PyTree


def objective(
    config: LossConfig,
    x_BTHWC: Array,
    forward: Forward,
    trunk: VggTrunk | None,
    perceptual_weight: Array,
    trunk_dtype: DType = jnp.float32,
    step: Array | int = 0,
) -> tuple[Array, dict[str, Array]]:
    """The objective, and its terms by name: float32 scalars, unweighted means over the clips at hand.

    Args:
      config: weights and reductions.
      x_BTHWC: clips in [0, 1].
      forward: what the model made of them.
      trunk: of the perceptual loss; none leaves the term out.
      perceptual_weight: [] float32, from the train state.
      trunk_dtype: type of the trunk's convolutions.
      step: decides which frames the perceptual loss sees where it sees only some.

    Returns:
      The total, and `loss` (the same), `reconstruction` (as configured), `squared_error` (on [0, 1], whatever the
      reconstruction loss: for PSNR), `commitment` (summed over levels), `perceptual` (0 without a trunk).
    """
    estimate = forward.reconstruction
    reconstruction = RECONSTRUCTIONS[config.reconstruction](x_BTHWC, estimate)
    committed = sum((commitment(level.z, level.quantized.values) for level in forward.levels.values()), jnp.float32(0))
    perceived = jnp.float32(0)
    if trunk is not None:
        count = config.perceptual_frames
        target, seen = frame_sample(x_BTHWC, count, step), frame_sample(estimate, count, step)
        perceived = perceptual_loss(trunk, target, seen, config.layer_divisors, trunk_dtype)
    total = reconstruction + config.beta * config.commitment * committed + perceptual_weight * perceived
    return total, {
        "loss": total,
        "reconstruction": reconstruction,
        "squared_error": jnp.mean(jnp.square(x_BTHWC - estimate)),
        "commitment": committed,
        "perceptual": perceived,
    }


def training_loss(
    model: MSVQVAE,
    config: LossConfig,
    codebooks: Codebooks,
    trunk: VggTrunk | None,
    perceptual_weight: Array,
    step: Array | int,
    samples: int,
) -> Callable[[PyTree, Any], tuple[Array, Aux]]:
    """The loss of (params, (uint8 clips, level dropout or none)) that `global_gradients` takes.

    Its aux, by level and with the *old* codebook: sums of `statistics` and of energies (|z - q|^2, |z|^2), and
    `samples` encoder outputs; and the objective's terms as means.
    """

    def loss(params: PyTree, batch: tuple[Array, Array | None]) -> tuple[Array, Aux]:
        clips, drop = batch
        x = normalise(clips)
        forward = apply_model(model, params, x, codebooks, drop)
        total, terms = objective(config, x, forward, trunk, perceptual_weight, compute_dtype(model.config.dtype), step)
        counted, energies, seen = {}, {}, {}
        for name, level in forward.levels.items():
            z, q = lax.stop_gradient((level.z, level.quantized))
            counted[name] = statistics(q.indices, z, codebooks[name].codes)
            energies[name] = jnp.stack([jnp.sum(q.error), jnp.sum(jnp.square(z))])
            seen[name] = _spread(z, samples)
        return total, Aux(means=terms, sums=(counted, energies), samples=seen)

    return loss


def _spread(z: Array, count: int) -> Array:
    """`count` vectors spread evenly over [..., D], float32."""
    vectors = z.astype(jnp.float32).reshape(-1, z.shape[-1])
    return vectors[(jnp.arange(count) * vectors.shape[0]) // count]
