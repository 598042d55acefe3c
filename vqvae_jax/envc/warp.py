"""Cross-scale weighted prediction (Guo et al. 2023, section III-B): samples of a pyramid, weighted by what was sent."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.envc.config import SCALES
from vqvae_jax.layers.blocks import ChannelNorm
from vqvae_jax.layers.conv2d import Conv2D
from vqvae_jax.layers.sampling import sample
from vqvae_jax.precision import EXACT, DType


def sample_scales(levels: Sequence[Array], offsets_BhwGLP2: Array, weights_BhwGLP: Array) -> Array:
    """Weighted sums of L x P bilinear samples, of every group its own: [B, h, w, G x D] float32.

    Memory is that of a few results, forwards and backwards, not of all samples: one is taken after the other, and
    taken again for the gradient.

    Args:
      levels: L grids [B, H_l, W_l, G x D], group by group; zero outside.
      offsets_BhwGLP2: (x, y) from the place that a position of the finest grid has in the level, in pixels of that
        level.
      weights_BhwGLP: factors.
    """
    batch, height, width, groups, _, _, _ = offsets_BhwGLP2.shape
    row, column = (jnp.arange(size, dtype=jnp.float32) + 0.5 for size in (height, width))
    total = jnp.zeros((batch, height * width, groups, levels[0].shape[-1] // groups), jnp.float32)
    for number, level in enumerate(levels):
        _, tall, broad, channels = level.shape
        # As float32, so that gradients which meet in a pixel are not summed in bfloat16.
        grid = level.astype(jnp.float32).reshape(batch, tall, broad, groups, channels // groups)
        y = jnp.repeat(row * (tall / height) - 0.5, width)[:, None]
        x = jnp.tile(column * (broad / width) - 0.5, height)[:, None]

        @jax.checkpoint
        def one(grid: Array, offset: Array, weight: Array, y: Array = y, x: Array = x) -> Array:
            return sample(grid, y + offset[..., 1], x + offset[..., 0], weight)

        def add(total: Array, point: tuple[Array, Array], grid: Array = grid, one: Any = one) -> tuple[Array, None]:
            return total + one(grid, *point), None

        flat = offsets_BhwGLP2[..., number, :, :], weights_BhwGLP[..., number, :]
        points = [part.reshape(batch, height * width, groups, *part.shape[4:]) for part in flat]
        total, _ = lax.scan(add, total, (jnp.moveaxis(points[0], 3, 0), jnp.moveaxis(points[1], 3, 0)))
    return total.reshape(batch, height, width, -1)


class CrossScaleWarp(nn.Module):
    """Levels [B, h / 2^l, w / 2^l, C] and motion [B, h, w, c] -> predicted features [B, h, w, C].

    The layers are those of Deformable DETR's attention and the feed-forward network behind it (Zhu et al. 2021).
    """

    heads: int
    points: int
    dropout: float = 0.0
    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, levels: Sequence[Array], motion_BhwC: Array) -> Array:
        channels, samples = levels[0].shape[-1], self.heads * SCALES * self.points
        zeros = nn.initializers.zeros
        linear = partial(Conv2D, kernel=1, dtype=self.dtype)
        projection = partial(linear, channels, kernel_init=nn.initializers.xavier_uniform(), bias_init=zeros)
        # Places and weights decide what is read; they are not rounded to bfloat16.
        exact = partial(Conv2D, kernel=1, precision=EXACT, kernel_init=zeros)
        value = projection(name="value")
        offsets = exact(2 * samples, bias_init=partial(_rays, self.heads, self.points), name="offsets")(motion_BhwC)
        logits = exact(samples, bias_init=zeros, name="logits")(motion_BhwC)
        by_head = *motion_BhwC.shape[:3], self.heads, SCALES * self.points
        weights = jax.nn.softmax(logits.reshape(by_head), axis=-1).reshape(*by_head[:-1], SCALES, self.points)
        read = sample_scales([value(level) for level in levels], offsets.reshape(*weights.shape, 2), weights)
        drop = nn.Dropout(self.dropout, deterministic=not self.has_rng("dropout"))
        x = drop(projection(name="output")(read))
        y = ChannelNorm("layer", 1e-5, dtype=self.dtype, name="norm")(x)
        y = drop(nn.relu(linear(2 * channels, name="widen")(y)))
        return x + linear(channels, name="narrow")(y)


def _rays(heads: int, points: int, key: Array, shape: tuple[int, ...], dtype: DType = jnp.float32) -> Array:
    """Offsets at first: each head looks into a direction of its own, point p by p + 1 pixels, in all levels alike."""
    turns = [2 * math.pi * head / heads for head in range(heads)]
    ray = np.array([[math.cos(t), math.sin(t)] for t in turns])
    ray /= np.abs(ray).max(axis=1, keepdims=True)
    offsets = ray[:, None, None] * np.arange(1, points + 1)[:, None]
    return jnp.asarray(np.broadcast_to(offsets, (heads, SCALES, points, 2)).reshape(shape), dtype)
