"""Moving between grids: strided stems down, depth-to-space or nearest neighbour up.

Never a transposed 3-D convolution: its weight gradient is about 30x slower in XLA (jax#31662).
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vqvae_jax.layers.conv3d import Conv3D
from vqvae_jax.layers.kinds import Lowering, ResampleKind, Triple
from vqvae_jax.precision import DType


def space_to_depth(x_BTHWC: Array, factors: Triple) -> Array:
    """[B, T, H, W, C] -> [B, T/t, H/h, W/w, t*h*w*C]: each block of positions becomes channels."""
    b, t, h, w, c = x_BTHWC.shape
    ft, fh, fw = factors
    x = x_BTHWC.reshape(b, t // ft, ft, h // fh, fh, w // fw, fw, c)
    return x.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(b, t // ft, h // fh, w // fw, ft * fh * fw * c)


def depth_to_space(x_BTHWC: Array, factors: Triple) -> Array:
    """[B, T, H, W, t*h*w*C] -> [B, T*t, H*h, W*w, C], the inverse of `space_to_depth`."""
    b, t, h, w, c = x_BTHWC.shape
    ft, fh, fw = factors
    x = x_BTHWC.reshape(b, t, h, w, ft, fh, fw, c // (ft * fh * fw))
    return x.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, t * ft, h * fh, w * fw, c // (ft * fh * fw))


def nearest(x_BTHWC: Array, factors: Triple) -> Array:
    """Repeats every position: [B, T, H, W, C] -> [B, T*t, H*h, W*w, C]."""
    for axis, factor in enumerate(factors, start=1):
        x_BTHWC = jnp.repeat(x_BTHWC, factor, axis=axis)
    return x_BTHWC


def stages(strides: Triple) -> list[Triple]:
    """Splits strides (powers of two) into steps of at most 2 per axis, space before time: (2,4,4) -> (1,2,2), (2,2,2).

    Time is halved last, so that the early, wide layers still see motion frame by frame.
    """
    halvings = [stride.bit_length() - 1 for stride in strides]
    count = max(halvings)
    return [
        (_step(halvings[0], stage, count), _step(halvings[1], stage, count), _step(halvings[2], stage, count))
        for stage in range(count)
    ]


def _step(halvings: int, stage: int, count: int) -> int:
    return 2 if stage >= count - halvings else 1


class Stem(nn.Module):
    """Pixels -> features on the bottom grid: [B, T, H, W, 3] -> [B, T/t, H/h, W/w, width].

    `conv`: strided convolutions (3 or 4 taps an axis), SiLU between. `patch`: space-to-depth and a 1x1x1 convolution,
    for a fraction of the multiply-accumulates; the residual blocks behind it reach over patch borders.
    """

    width: int
    strides: Triple
    kind: ResampleKind = "conv"
    early_width: int = 96
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        conv = partial(Conv3D, lowering=self.lowering, dtype=self.dtype)
        if self.kind == "patch":
            return conv(self.width, kernel=(1, 1, 1), name="conv")(space_to_depth(x_BTHWC, self.strides))
        steps = stages(self.strides)
        for index, step in enumerate(steps):
            last = index == len(steps) - 1
            kernel = (_taps(step[0]), _taps(step[1]), _taps(step[2]))
            features = self.width if last else self.early_width
            x_BTHWC = conv(features, kernel=kernel, strides=step, name=f"conv_{index}")(x_BTHWC)
            if not last:
                x_BTHWC = nn.silu(x_BTHWC)
        return x_BTHWC


def _taps(stride: int) -> int:
    # An even kernel for an even stride: every input position then weighs in equally often.
    return 4 if stride == 2 else 3


class Head(nn.Module):
    """Features on the bottom grid -> pixels, [B, T, H, W, 3]: the stages of `Stem` in reverse, by depth-to-space."""

    strides: Triple
    kind: ResampleKind = "conv"
    early_width: int = 96
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        conv = partial(Conv3D, lowering=self.lowering, dtype=self.dtype)
        if self.kind == "patch":
            return _expand(conv, 3, self.strides, (1, 1, 1), "conv")(x_BTHWC)
        steps = stages(self.strides)[::-1]
        for index, step in enumerate(steps):
            last = index == len(steps) - 1
            x_BTHWC = _expand(conv, 3 if last else self.early_width, step, (3, 3, 3), f"conv_{index}")(x_BTHWC)
            if not last:
                x_BTHWC = nn.silu(x_BTHWC)
        return x_BTHWC


class Down(nn.Module):
    """One grid to a coarser one: [B, T, H, W, C] -> [B, T/t, H/h, W/w, features]."""

    features: int
    factors: Triple
    kind: ResampleKind = "conv"
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        conv = partial(Conv3D, self.features, lowering=self.lowering, dtype=self.dtype, name="conv")
        if self.kind == "patch":
            return conv(kernel=(1, 1, 1))(space_to_depth(x_BTHWC, self.factors))
        return conv(kernel=(3, 3, 3), strides=self.factors)(x_BTHWC)


class Up(nn.Module):
    """One grid to a finer one: [B, T, H, W, C] -> [B, T*t, H*h, W*w, features]. `conv` is nearest neighbour, then
    3x3x3.
    """

    features: int
    factors: Triple
    kind: ResampleKind = "conv"
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        conv = partial(Conv3D, lowering=self.lowering, dtype=self.dtype)
        if self.kind == "patch":
            return _expand(conv, self.features, self.factors, (1, 1, 1), "conv")(x_BTHWC)
        return conv(self.features, name="conv")(nearest(x_BTHWC, self.factors))


def _expand(
    conv: Callable[..., Conv3D], features: int, factors: Triple, kernel: Triple, name: str
) -> Callable[[Array], Array]:
    """A convolution to all sub-positions of the finer grid, then depth-to-space."""
    expanded = conv(features * factors[0] * factors[1] * factors[2], kernel=kernel, name=name)
    return lambda x_BTHWC: depth_to_space(expanded(x_BTHWC), factors)
