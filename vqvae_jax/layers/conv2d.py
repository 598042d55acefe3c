"""2-D convolutions of pictures: plain, causal within a picture, and up by two.

Fresh weights and biases are those of PyTorch, whose released models such layers repeat: uniform in +-1 / sqrt(inputs).
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.layers.conv3d import convolve_frames, same_padding
from vqvae_jax.layers.resample import depth_to_space
from vqvae_jax.layers.weight import weight
from vqvae_jax.precision import DType

Init = nn.initializers.Initializer


class Conv2D(nn.Module):
    """Convolution over [B, H, W, C], zeros outside; the stride divides H and W."""

    features: int
    kernel: int = 3
    stride: int = 1
    use_bias: bool = True
    dtype: DType = jnp.float32
    precision: lax.Precision | None = None
    kernel_init: Init | None = None
    bias_init: Init | None = None

    @nn.compact
    def __call__(self, x_BHWC: Array) -> Array:
        shape = (self.kernel, self.kernel, x_BHWC.shape[-1], self.features)
        inputs = math.prod(shape[:3])
        kernel = weight(self, "kernel", self.kernel_init or within(inputs), shape)
        sides = (self.kernel, self.kernel), (self.stride, self.stride)
        y = _apply(self, x_BHWC, kernel, self.stride, same_padding(*sides))
        return y + _bias(self, inputs) if self.use_bias else y


class CausalConv2D(nn.Module):
    """k x k, k odd, over [B, H, W, C]; sees what is coded before a position: rows above, and its own to the left (van
    den Oord et al. 2016, mask A). All channels of a position are coded at once.
    """

    features: int
    kernel: int = 5
    dtype: DType = jnp.float32
    precision: lax.Precision | None = None

    @nn.compact
    def __call__(self, x_BHWC: Array, windows: bool = False) -> Array:
        """[B, H, W, features]; or, of [N, k, k, C] that surround one position each, [N, 1, 1, features]."""
        shape = (self.kernel, self.kernel, x_BHWC.shape[-1], self.features)
        kernel = weight(self, "kernel", within(math.prod(shape[:3])), shape)
        before = np.arange(self.kernel**2).reshape(self.kernel, self.kernel, 1, 1) < self.kernel**2 // 2
        reach = 0 if windows else self.kernel // 2
        y = _apply(self, x_BHWC, jnp.where(before, kernel, 0), 1, [(reach, reach), (reach, reach)])
        return y + _bias(self, math.prod(shape[:3]))


class UpConv2D(nn.Module):
    """Transposed convolution, 4x4, stride 2, padding 1, of [B, H, W, C] to [B, 2H, 2W, features].

    `kernel` [4, 4, C, features] is PyTorch's: input i adds kernel[k] to output 2i - 1 + k. Computed as one 2x2
    convolution to the four outputs between four inputs, since XLA's gradients of transposed ones are slow.
    """

    features: int
    dtype: DType = jnp.float32
    precision: lax.Precision | None = None
    kernel_init: Init | None = None
    bias_init: Init | None = None

    @nn.compact
    def __call__(self, x_BHWC: Array) -> Array:
        channels = x_BHWC.shape[-1]
        inputs = 16 * self.features  # as PyTorch counts them, of a transposed convolution too
        kernel = weight(self, "kernel", self.kernel_init or within(inputs), (4, 4, channels, self.features))
        # Tap t and output s of an axis belong to entry 2 (1 - t) + s.
        taps = kernel.reshape(2, 2, 2, 2, channels, self.features)[::-1, :, ::-1]
        taps = taps.transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, channels, 4 * self.features)
        between = _apply(self, x_BHWC, taps, 1, [(1, 1), (1, 1)])
        return depth_to_space(between[:, None], (1, 2, 2))[:, 0, 1:-1, 1:-1] + _bias(self, inputs)


def within(inputs: int) -> Init:
    """Uniform in +-1 / sqrt(inputs)."""
    limit = 1 / math.sqrt(inputs)

    def init(key: Array, shape: tuple[int, ...], dtype: DType = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


def _apply(
    module: Conv2D | CausalConv2D | UpConv2D, x_BHWC: Array, kernel: Array, stride: int, padding: list[tuple[int, int]]
) -> Array:
    x, kernel = x_BHWC.astype(module.dtype)[:, None], kernel.astype(module.dtype)
    return convolve_frames(x, kernel, (stride, stride), padding, module.precision)[:, 0]


def _bias(module: Conv2D | CausalConv2D | UpConv2D, inputs: int) -> Array:
    init: Callable[..., Array] | None = getattr(module, "bias_init", None)
    return weight(module, "bias", init or within(inputs), (module.features,)).astype(module.dtype)
