"""Deformable convolution (Dai et al. 2017), as FVC predicts features by it (Hu et al. 2021)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.envc.config import DEFORM_GROUPS
from vqvae_jax.layers.conv2d import within
from vqvae_jax.layers.sampling import sample
from vqvae_jax.layers.weight import weight
from vqvae_jax.precision import DType

TAPS = 9


class DeformableConv(nn.Module):
    """3x3 over [B, H, W, C], keeps it: every tap of every group of channels is read at a place of its own; no bias."""

    dtype: DType = jnp.float32

    @nn.compact
    def __call__(self, x_BHWC: Array, offsets_BHWG: Array) -> Array:
        """Offsets [B, H, W, G x 9 x 2]: by group, by tap row after row, (down, right) in pixels; zero outside."""
        batch, height, width, channels = x_BHWC.shape
        kernel = weight(self, "kernel", within(TAPS * channels), (3, 3, channels, channels)).astype(self.dtype)
        grid = x_BHWC.astype(jnp.float32).reshape(batch, height, width, DEFORM_GROUPS, -1)
        offsets = offsets_BHWG.reshape(batch, height * width, DEFORM_GROUPS, TAPS, 2)
        y = jnp.repeat(jnp.arange(height, dtype=jnp.float32), width)[:, None]
        x = jnp.tile(jnp.arange(width, dtype=jnp.float32), height)[:, None]

        # Tap by tap, and again for the gradient: all samples at once would take nine times the memory.
        @jax.checkpoint
        def one(grid: Array, offset: Array, row: Array, column: Array, taps: Array) -> Array:
            found = sample(grid, y + row + offset[..., 0], x + column + offset[..., 1], jnp.ones(offset.shape[:-1]))
            return jnp.matmul(found.reshape(batch, height * width, channels).astype(self.dtype), taps)

        def add(total: Array, tap: tuple[Array, Array, Array, Array]) -> tuple[Array, None]:
            return total + one(grid, *tap).astype(jnp.float32), None

        away = jnp.arange(TAPS, dtype=jnp.float32)
        taps = jnp.moveaxis(offsets, 3, 0), away // 3 - 1, away % 3 - 1, kernel.reshape(TAPS, channels, channels)
        total, _ = lax.scan(add, jnp.zeros((batch, height * width, channels), jnp.float32), taps)
        return total.reshape(x_BHWC.shape).astype(self.dtype)
