"""Residual blocks over the slices of a unit."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vqvae_jax.layers.conv3d import Conv3D
from vqvae_jax.layers.kinds import Lowering
from vqvae_jax.precision import DType

#: A branch is small at first, so that a stack begins as a linear map.
RESIDUAL_SCALE = 0.2

Init = nn.initializers.Initializer


def scaled(scale: float) -> Init:
    """Normal initial values of standard deviation `scale` / sqrt(inputs)."""
    return nn.initializers.variance_scaling(scale * scale, "fan_in", "truncated_normal")


def act(x: Array) -> Array:
    """Leaky ReLU of slope 0.1."""
    return nn.leaky_relu(x, 0.1)


class SliceBlock(nn.Module):
    """x + w2(act(w1(x))): w1 3x3 on every slice, w2 1x1 across all slices at once; keeps [B, S, H, W, C]."""

    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BSHWC: Array) -> Array:
        slices, channels = x_BSHWC.shape[1], x_BSHWC.shape[-1]
        conv = partial(Conv3D, lowering=self.lowering, dtype=self.dtype)
        y = act(conv(channels, kernel=(1, 3, 3), name="space")(x_BSHWC))
        y = conv(slices * channels, kernel=(1, 1, 1), kernel_init=scaled(RESIDUAL_SCALE), name="mix")(join_slices(y))
        return x_BSHWC + part_slices(y, slices)


class Stack(nn.Module):
    """`depth` blocks; keeps [B, S, H, W, C]."""

    depth: int
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BSHWC: Array) -> Array:
        for index in range(self.depth):
            x_BSHWC = SliceBlock(self.lowering, self.dtype, name=f"block_{index}")(x_BSHWC)
        return x_BSHWC


def join_slices(x_BSHWC: Array) -> Array:
    """[B, S, H, W, C] -> [B, 1, H, W, S C]."""
    batch, slices, height, width, channels = x_BSHWC.shape
    return x_BSHWC.transpose(0, 2, 3, 1, 4).reshape(batch, 1, height, width, slices * channels)


def part_slices(x_B1HWC: Array, slices: int) -> Array:
    """The inverse of `join_slices`."""
    batch, _, height, width, channels = x_B1HWC.shape
    return x_B1HWC.reshape(batch, height, width, slices, channels // slices).transpose(0, 3, 1, 2, 4)


def to_depth(x_BSHWC: Array, frames: int, side: int) -> Array:
    """Blocks of frames x side x side become channels: [B, S, H, W, C] -> [B, S / f, H / s, W / s, f s s C]."""
    batch, slices, height, width, channels = x_BSHWC.shape
    grid = slices // frames, height // side, width // side
    x = x_BSHWC.reshape(batch, grid[0], frames, grid[1], side, grid[2], side, channels)
    return x.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(batch, *grid, frames * side * side * channels)


def from_depth(x_BSHWC: Array, frames: int, side: int) -> Array:
    """The inverse of `to_depth`."""
    batch, slices, height, width, channels = x_BSHWC.shape
    inner = channels // (frames * side * side)
    x = x_BSHWC.reshape(batch, slices, height, width, frames, side, side, inner)
    x = x.transpose(0, 1, 4, 2, 5, 3, 6, 7)
    return x.reshape(batch, slices * frames, height * side, width * side, inner)
