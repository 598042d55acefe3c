"""Normalisation of each position over its channels.

Nothing is averaged over time or space: with GroupNorm over T, H, W a frame's features depend on its neighbours, on the
clip's size and on padding, which shows as seams between chunks and as quality that varies with size.
"""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.precision import PARAM_DTYPE, DType

NormKind = Literal["rms", "layer"]


class ChannelNorm(nn.Module):
    """RMSNorm (Zhang & Sennrich 2019) or LayerNorm (Ba et al. 2016) over the last axis; float32 statistics. Keeps the
    shape.
    """

    kind: NormKind = "rms"
    epsilon: float = 1e-6
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        channels = x_BTHWC.shape[-1]
        x = x_BTHWC.astype(jnp.float32)
        if self.kind == "layer":
            x = x - jnp.mean(x, axis=-1, keepdims=True)
        x = x * lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + self.epsilon)
        x = x * self.param("scale", nn.initializers.ones, (channels,), PARAM_DTYPE)
        if self.kind == "layer":
            x = x + self.param("bias", nn.initializers.zeros, (channels,), PARAM_DTYPE)
        return x.astype(self.dtype)
