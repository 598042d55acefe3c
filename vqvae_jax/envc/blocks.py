"""What all networks of ENVC are made of: convolutions by two down and up, and residual blocks without norms."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.layers.conv2d import Conv2D, UpConv2D
from vqvae_jax.precision import EXACT, DType

#: 4x4 convolution to half the sides.
Down = partial(Conv2D, kernel=4, stride=2)
#: The other way.
Up = UpConv2D


def act(x: Array) -> Array:
    """Leaky ReLU of slope 0.01."""
    return nn.leaky_relu(x, 0.01)


class ResBlock(nn.Module):
    """x + conv(relu(conv(x))); keeps [B, H, W, C]."""

    kernel: int = 3
    dtype: DType = jnp.float32
    precision: lax.Precision | None = None

    @nn.compact
    def __call__(self, x_BHWC: Array) -> Array:
        conv = partial(Conv2D, x_BHWC.shape[-1], self.kernel, dtype=self.dtype, precision=self.precision)
        return x_BHWC + conv(name="conv_out")(nn.relu(conv(name="conv_in")(x_BHWC)))


class ResBlocks(nn.Module):
    """x + three residual blocks of x; keeps [B, H, W, C]."""

    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BHWC: Array) -> Array:
        y = x_BHWC
        for index in range(3):
            y = ResBlock(dtype=self.dtype, name=f"block_{index}")(y)
        return x_BHWC + y


class Chain(nn.Module):
    """Steps by two, down or up, to `features` channels each, with residual blocks behind all but the last.

    `refined` puts them behind the last one too.
    """

    step: Callable[..., nn.Module]
    features: Sequence[int]
    refined: bool = False
    dtype: DType = jnp.float32
    last: dict[str, Any] | None = None  # settings of the last step

    @nn.compact
    def __call__(self, x_BHWC: Array) -> Array:
        x, last = x_BHWC.astype(self.dtype), len(self.features) - 1
        for index, features in enumerate(self.features):
            settings = {"dtype": self.dtype, **(self.last or {} if index == last else {})}
            x = self.step(features, name=f"step_{index}", **settings)(x)
            if index < last or self.refined:
                x = ResBlocks(self.dtype, name=f"blocks_{index}")(x)
        return x


class HyperAnalysis(nn.Module):
    """Latents [B, h, w, M] -> hyper latents [B, h / 4, w / 4, features] float32."""

    features: int
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, y_BhwM: Array) -> Array:
        x = act(Conv2D(self.features, dtype=self.dtype, name="conv")(y_BhwM))
        x = act(Down(self.features, dtype=self.dtype, name="down_0")(x))
        return Down(self.features, dtype=self.dtype, name="down_1")(x).astype(jnp.float32)


class HyperSynthesis(nn.Module):
    """Hyper latents [B, h / 4, w / 4, C] -> what they say of latents, [B, h, w, 2 M], in exact float32."""

    features: int
    latents: int
    precision: lax.Precision | None = EXACT

    @nn.compact
    def __call__(self, z_BhwC: Array) -> Array:
        x = act(Up(self.features, precision=self.precision, name="up_0")(z_BhwC))
        x = act(Up(self.latents, precision=self.precision, name="up_1")(x))
        return Conv2D(2 * self.latents, precision=self.precision, name="conv")(x)
