"""L = L_recon + beta * (commitment * sum over levels) + w * L_perc and its gradient (arXiv 2512.24547)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.losses.commitment import commitment
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.perceptual import frame_sample, perceptual_loss
from vqvae_jax.losses.reconstruction import RECONSTRUCTIONS
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks, Forward, Level, apply_model
from vqvae_jax.precision import DType, compute_dtype, normalise
from vqvae_jax.quantization.ema import Statistics, statistics
from vqvae_jax.training.mapping import AXIS
from vqvae_jax.training.state import PyTree


class Losses(NamedTuple):
    """Scalars, float32, means over the clips at hand."""

    total: Array
    reconstruction: Array  # as configured, on [0, 1]
    squared_error: Array  # mean squared error on [0, 1], for PSNR whatever the reconstruction loss
    commitment: Array  # summed over levels, unweighted
    perceptual: Array  # unweighted; 0 without a trunk


class Gradients(NamedTuple):
    """What a global batch says, the same on every device."""

    params: PyTree  # mean gradient
    statistics: dict[str, Statistics]  # by level, sums over all vectors of the global batch
    losses: Losses
    level_error: dict[str, Array]  # by level, sum |z - q|^2 / sum |z|^2
    samples: dict[str, Array]  # by level, [n, D] encoder outputs, n a few per device and micro-batch


def objective(
    config: LossConfig,
    x_BTHWC: Array,
    forward: Forward,
    trunk: VggTrunk | None,
    perceptual_weight: Array,
    trunk_dtype: DType = jnp.float32,
    step: Array | int = 0,
) -> Losses:
    """The terms of the objective.

    Args:
      config: weights and reductions.
      x_BTHWC: clips in [0, 1].
      forward: what the model made of them.
      trunk: of the perceptual loss; none leaves the term out.
      perceptual_weight: [] float32, from the train state.
      trunk_dtype: type of the trunk's convolutions.
      step: decides which frames the perceptual loss sees where it sees only some.
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
    return Losses(total, reconstruction, jnp.mean(jnp.square(x_BTHWC - estimate)), committed, perceived)


def batch_gradients(
    model: MSVQVAE,
    config: LossConfig,
    params: PyTree,
    codebooks: Codebooks,
    clips_BTHWC: Array,
    drop_bottom_B: Array | None,
    trunk: VggTrunk | None,
    perceptual_weight: Array,
    microbatches: int = 1,
    samples_per_level: int = 8,
    step: Array | int = 0,
) -> Gradients:
    """Gradient, codebook statistics and losses of the global batch; runs per device inside the axis `AXIS`.

    Statistics are taken with the old codebook and summed over micro-batches and devices; gradients and losses are
    averaged.

    Args:
      clips_BTHWC: this device's clips, uint8.
      drop_bottom_B: this device's level dropout, bool, or none.
      microbatches: divides B.
      samples_per_level: encoder outputs returned per level, device and micro-batch.
      step: see `objective`.
    """

    def loss(params: PyTree, clips: Array, drop: Array | None) -> tuple[Array, tuple[Losses, dict[str, Level]]]:
        x = normalise(clips)
        forward = apply_model(model, params, x, codebooks, drop)
        dtype = compute_dtype(model.config.dtype)
        losses = objective(config, x, forward, trunk, perceptual_weight, dtype, step)
        return losses.total, (losses, forward.levels)

    def one(clips: Array, drop: Array | None) -> tuple[PyTree, ...]:
        (_, (losses, levels)), grads = jax.value_and_grad(loss, has_aux=True)(params, clips, drop)
        counted = {name: statistics(lv.quantized.indices, lv.z, codebooks[name].codes) for name, lv in levels.items()}
        energies = {
            name: jnp.stack([jnp.sum(lv.quantized.error), jnp.sum(jnp.square(lv.z))]) for name, lv in levels.items()
        }
        samples = {name: _spread(lv.z, samples_per_level) for name, lv in levels.items()}
        return grads, losses, counted, energies, samples

    if microbatches == 1:
        grads, losses, counted, energies, samples = one(clips_BTHWC, drop_bottom_B)
    else:
        parts = jax.tree.map(
            lambda a: a.reshape(microbatches, a.shape[0] // microbatches, *a.shape[1:]), (clips_BTHWC, drop_bottom_B)
        )
        first = jax.eval_shape(one, *jax.tree.map(lambda a: a[0], parts))
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), first)

        def add(total: PyTree, part: PyTree) -> tuple[PyTree, PyTree]:
            out = one(*part)
            return jax.tree.map(jnp.add, total, out[:4]), out[4]

        (grads, losses, counted, energies), sampled = lax.scan(add, zeros[:4], parts)
        samples = {name: s.reshape(-1, s.shape[-1]) for name, s in sampled.items()}
        grads, losses = jax.tree.map(lambda a: a / microbatches, (grads, losses))

    grads, losses = lax.pmean((grads, losses), AXIS)
    counted, energies = lax.psum((counted, energies), AXIS)
    return Gradients(
        params=grads,
        statistics=counted,
        losses=losses,
        level_error={name: e[0] / jnp.maximum(e[1], 1e-12) for name, e in energies.items()},
        samples={name: lax.all_gather(s, AXIS, tiled=True) for name, s in samples.items()},
    )


def _spread(z: Array, count: int) -> Array:
    """`count` vectors spread evenly over [..., D], float32."""
    vectors = lax.stop_gradient(z).astype(jnp.float32).reshape(-1, z.shape[-1])
    return vectors[(jnp.arange(count) * vectors.shape[0]) // count]
