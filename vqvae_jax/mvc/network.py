"""From the number of a frame and its embedding to its pixels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.mvc.blocks import (
    Weights,
    convolution,
    gelu,
    instance_norm,
    linear,
    pixel_shuffle,
    transformer,
)
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.encodings import space_codes
from vqvae_jax.precision import compute_dtype


class Decoded(NamedTuple):
    """Frames, padding and all."""

    features: Array  # Z_t: [B, H, W, C], of the last stage
    frames: Array  # [B, H, W, 3] float32 in (0, 1)


def decode(config: MvcConfig, weights: Weights, codes_BK: Array, embedding_Bhwc: Array | None) -> Decoded:
    """Any frames of a scene, each by itself.

    Args:
      config: the network.
      weights: `Params.decoder`.
      codes_BK: rows of `encodings.time_codes`.
      embedding_Bhwc: F_e of the frames; none for kinds that have none.
    """
    x = _grid(config, weights, codes_BK, embedding_Bhwc)
    modulation = None
    if config.kind != "nerv":
        modulation = gelu(linear(weights, "modulation.1", gelu(linear(weights, "modulation.0", codes_BK))))
    for index in range(len(config.strides)):
        x = _stage(config, weights, index, x, modulation)
    return Decoded(x, jax.nn.sigmoid(convolution(weights, "head", x)))


def _grid(config: MvcConfig, weights: Weights, codes_BK: Array, embedding_Bhwc: Array | None) -> Array:
    """What the stages enlarge, [B, h, w, C0]."""
    batch, (h, w) = codes_BK.shape[0], (config.h, config.w)
    time = gelu(linear(weights, "time.1", gelu(linear(weights, "time.0", codes_BK))))
    if config.kind == "nerv":
        return time.reshape(batch, h, w, config.channels)
    places = jnp.broadcast_to(space_codes(config), (batch, h * w, 4 * config.levels))
    if config.embedding is not None:
        assert embedding_Bhwc is not None
        places = jnp.concatenate([places, embedding_Bhwc.reshape(batch, h * w, -1)], axis=-1)
    space = transformer(weights, "space_block", gelu(linear(weights, "space", places)), heads=1)
    x = space * time[:, None]
    if config.fusion == "trans":
        x = transformer(weights, "fusion_block", x, config.heads)
    if "fusion.kernel" in weights:
        x = gelu(linear(weights, "fusion", x))
    return x.reshape(batch, h, w, config.channels)


def _stage(config: MvcConfig, weights: Weights, index: int, x_BHWC: Array, modulation_BD: Array | None) -> Array:
    """[B, H, W, C[i]] -> [B, s H, s W, C[i + 1]]."""
    name, dtype, x = f"stage_{index}", compute_dtype(config.dtype), x_BHWC
    if modulation_BD is not None:
        gain, bias = jnp.split(gelu(linear(weights, f"{name}.modulation", modulation_BD))[:, None, None], 2, axis=-1)
        x = instance_norm(x) * (gain if config.modulation == "g" else 1.0 + gain) + bias
    if f"{name}.conv_before.kernel" in weights:
        x = convolution(weights, f"{name}.conv_before", x, dtype)
    x = pixel_shuffle(convolution(weights, f"{name}.conv", x, dtype), config.strides[index])
    if f"{name}.conv_after.kernel" in weights:
        x = convolution(weights, f"{name}.conv_after", x, dtype)
    return gelu(x)
