"""Residual blocks, pre-activation: norm, SiLU, convolution.

The norm is of each position over its channels. Nothing is averaged over time or space: with GroupNorm over T, H, W a
frame's features depend on its neighbours, on the clip's size and on padding, which shows as seams between chunks and as
quality that varies with size.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.layers.conv3d import Conv3D
from vqvae_jax.layers.kinds import BlockKind, Lowering, NormKind
from vqvae_jax.layers.weight import weight
from vqvae_jax.precision import DType


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
        x = x * weight(self, "scale", nn.initializers.ones, (channels,))
        if self.kind == "layer":
            x = x + weight(self, "bias", nn.initializers.zeros, (channels,))
        return x.astype(self.dtype)


class ResidualBlock(nn.Module):
    """x + f(x) at constant width; keeps [B, T, H, W, C].

    `full`: f = conv 3x3x3 to `hidden`, conv 1x1x1 back. `factored`: f = conv 1x3x3 to `hidden`, conv 3x1x1 back, the
    same receptive field for 12 / 28 of the multiply-accumulates (P3D, Qiu et al. 2017).
    """

    hidden: int
    kind: BlockKind = "full"
    groups: int = 1
    norm: NormKind = "rms"
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        conv = partial(Conv3D, groups=self.groups, lowering=self.lowering, dtype=self.dtype)
        norm = partial(ChannelNorm, kind=self.norm, dtype=self.dtype)
        first, second = ((3, 3, 3), (1, 1, 1)) if self.kind == "full" else ((1, 3, 3), (3, 1, 1))
        y = conv(self.hidden, kernel=first, name="conv_in")(nn.silu(norm(name="norm_in")(x_BTHWC)))
        y = conv(x_BTHWC.shape[-1], kernel=second, name="conv_out")(nn.silu(norm(name="norm_out")(y)))
        return x_BTHWC + y


class ResidualStack(nn.Module):
    """`depth` residual blocks; keeps [B, T, H, W, C].

    Nothing is normalised behind them. A norm per position would take brightness and contrast, which are lengths, away
    from what follows; without it the path from pixels to codes and back is linear but for the residuals.
    """

    depth: int
    hidden: int
    kind: BlockKind = "full"
    groups: int = 1
    norm: NormKind = "rms"
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        for index in range(self.depth):
            x_BTHWC = ResidualBlock(
                self.hidden, self.kind, self.groups, self.norm, self.lowering, self.dtype, name=f"block_{index}"
            )(x_BTHWC)
        return x_BTHWC
