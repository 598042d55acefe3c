"""R + lambda D of clips (Guo et al. 2023, equations 3 and 4)."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.envc.clip import ClipNoise, CodedClip, code_clip, summed
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.envc.experiment import LossConfig
from vqvae_jax.envc.stages import Phase
from vqvae_jax.metrics.ms_ssim import similarity
from vqvae_jax.precision import normalise
from vqvae_jax.training.gradients import Aux
from vqvae_jax.training.state import PyTree

Batch = tuple[Array, ClipNoise, Array | None]  # uint8 clips, noise, keys of dropout


def frame_weights(config: LossConfig, phase: Phase) -> np.ndarray:
    """Of the distortion of every frame that a phase codes, [T] or [T - 1]."""
    later = np.arange(phase.frames - 1) * (config.modulation if phase.modulated else 0.0)
    return np.concatenate([[] if phase.given else [1.0], 1.0 + later]).astype(np.float32)


def squared_error(x_BTHWC: Array, frames_BTHWC: Array) -> Array:
    """Of every frame, [B, T] float32."""
    return jnp.mean(jnp.square(frames_BTHWC - x_BTHWC), axis=(2, 3, 4))


def distortion(config: LossConfig, x_BTHWC: Array, frames_BTHWC: Array) -> Array:
    """D of every frame, pixels in [0, 1]: [B, T] float32."""
    if config.distortion == "mse":
        return squared_error(x_BTHWC, frames_BTHWC)
    return 1.0 - similarity(x_BTHWC, frames_BTHWC)


def training_loss(
    model: EnvcConfig, config: LossConfig, phase: Phase, step: Array
) -> Callable[[PyTree, Batch], tuple[Array, Aux]]:
    """The loss of (params, (uint8 clips, noise, keys of dropout)) that `global_gradients` takes.

    Args:
      model: the models.
      config: the objective.
      phase: of training.
      step: of all steps, the number done.
    """
    weights = frame_weights(config, phase)
    guided = phase.given and config.guided > 0

    def loss(params: PyTree, batch: Batch) -> tuple[Array, Aux]:
        clips, noise, keys = batch
        x = normalise(clips)
        dropout = None if keys is None else keys[0]
        settings = {"given": phase.given, "predicted": guided, "straight": phase.straight}
        coded = code_clip(model, params, x, noise, dropout=dropout, **settings)
        pixels = clips.shape[2] * clips.shape[3]
        shown = slice(1 if phase.given else 0, None)
        bpp = coded.bits / pixels
        each = bpp + config.lagrangian * weights * distortion(config, x[:, shown], coded.frames[:, shown])
        if guided:
            assert coded.predicted is not None and coded.inter_bits is not None
            error = distortion(config, x[:, 1:], coded.predicted)
            motion = coded.inter_bits.m / pixels + config.lagrangian * error
            each = jnp.where(step - phase.first < config.guided * phase.steps, motion, each)
        total = jnp.mean(jnp.sum(each, axis=1))
        return total, Aux({"loss": total} | terms(coded, x, pixels), sums=(), samples=())

    return loss


def terms(coded: CodedClip, x_BTHWC: Array, pixels: int) -> dict[str, Array]:
    """Means over clips and the frames that were coded: [] each. Squared errors become PSNR when they are logged."""
    error = squared_error(x_BTHWC, coded.frames)
    found: dict[str, Array] = {}
    if coded.intra_bits is not None:
        found["intra/bpp"] = jnp.mean(summed(coded.intra_bits)) / pixels
        found["intra/squared_error"] = jnp.mean(error[:, 0])
    if coded.inter_bits is not None:
        found["inter/bpp"] = jnp.mean(summed(coded.inter_bits)) / pixels
        found["inter/squared_error"] = jnp.mean(error[:, 1:])
        found["inter/motion_bpp"] = jnp.mean(coded.inter_bits.m) / pixels
    shown = slice(1 if coded.intra_bits is None else 0, None)
    return found | {"bpp": jnp.mean(coded.bits) / pixels, "squared_error": jnp.mean(error[:, shown])}
