"""Clips through the model as it is used: encode to indices, decode to 8-bit frames. No dropout, no state change."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax import Array

from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.precision import normalise
from vqvae_jax.quantization.codebook import Codebooks, lookup
from vqvae_jax.training.state import PyTree

Without = Literal["top", "bottom"] | None


class Reconstruction(NamedTuple):
    """Clips after encoding and decoding."""

    frames: Array  # [B, T, H, W, 3] uint8
    indices: dict[str, Array]  # by level, [B, t, h, w] int32


def encode(model: MSVQVAE, params: PyTree, codebooks: Codebooks, clips_BTHWC: Array) -> dict[str, Array]:
    """uint8 clips -> indices by level, [B, t, h, w] int32.

    Raises:
      UserError: if a size is no multiple of the model's strides.
    """
    forward = apply_model(model, params, normalise(clips_BTHWC), codebooks)
    return {name: level.quantized.indices for name, level in forward.levels.items()}


def latents(model: MSVQVAE, params: PyTree, codebooks: Codebooks, clips_BTHWC: Array) -> dict[str, Array]:
    """Clips -> vectors before quantisation by level, [B, t, h, w, D] float32. Differentiable.

    Args:
      clips_BTHWC: [B, T, H, W, 3] float in [0, 1]; sizes are multiples of the model's strides.
    """
    forward = apply_model(model, params, clips_BTHWC, codebooks)
    return {name: level.z for name, level in forward.levels.items()}


def decode(
    model: MSVQVAE, params: PyTree, codebooks: Codebooks, indices: dict[str, Array], without: Without = None
) -> Array:
    """Indices by level -> [B, T, H, W, 3] uint8, from the indices alone.

    Args:
      indices: by level, [B, t, h, w] int32; the level named by `without` is not looked at, but for its shape.
      without: decodes as if a level were missing. "bottom": its codes are replaced by the vector learned for this (a
        preview from the top level). "top": its codes are replaced by the average code, weighted by use.
    """
    bound = model.bind(params)
    d_t = None
    if "top" in codebooks:
        q_t = lookup(codebooks["top"], indices["top"])
        if without == "top":
            top = codebooks["top"]
            q_t = jnp.broadcast_to(jnp.sum(top.sums, axis=0) / jnp.sum(top.counts), q_t.shape)
        d_t = bound.decode_top(q_t)
    q_b = lookup(codebooks["bottom"], indices["bottom"])
    if without == "bottom":
        # A model trained without level dropout has no vector for this; its best guess is the average code.
        learned = model.config.top is not None and model.config.level_dropout > 0
        bottom = codebooks["bottom"]
        mean = jnp.sum(bottom.sums, axis=0) / jnp.sum(bottom.counts)
        return to_uint8(bound.decode(jnp.broadcast_to(bound.dropped_bottom if learned else mean, q_b.shape), d_t))
    return to_uint8(bound.decode(q_b, d_t))


def reconstruct(model: MSVQVAE, params: PyTree, codebooks: Codebooks, clips_BTHWC: Array) -> Reconstruction:
    """uint8 clips -> what a decoder would show, and the indices that carry it."""
    indices = encode(model, params, codebooks, clips_BTHWC)
    return Reconstruction(decode(model, params, codebooks, indices), indices)
