"""Reconstructions without learning, to print beside early results: on 64x64 video the mean frame scores 22 dB."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.errors import ConfigError

CUBIC_A = -0.75


def mean_frame(clip_BTHWC: Array) -> Array:
    """Every frame replaced by the mean frame of its clip; uint8 in and out, same shape."""
    mean = jnp.mean(clip_BTHWC.astype(jnp.float32), axis=1, keepdims=True)
    return jnp.broadcast_to(_to_uint8(mean), clip_BTHWC.shape)


def block_means(clip_BTHWC: Array, block: tuple[int, int, int]) -> Array:
    """Means over (t, h, w) blocks, not quantised, brought back to full size: repeated in time, bicubic in space.

    The bicubic kernel has a = -0.75, half-pixel centres and replicated edges, as OpenCV's INTER_CUBIC. (Pillow's and
    jax.image's a = -0.5 scores about 0.03 dB less.)

    Args:
      clip_BTHWC: uint8.
      block: block sides along frames, height and width; each must divide the clip.

    Returns:
      uint8, same shape.

    Raises:
      ConfigError: if a block side does not divide the clip.
    """
    batch, *sizes, channels = clip_BTHWC.shape
    if any(side < 1 or size % side for size, side in zip(sizes, block, strict=True)):
        raise ConfigError(f"config: block={block} must divide the clip size {tuple(sizes)} along every axis")
    t, h, w = (size // side for size, side in zip(sizes, block, strict=True))
    blocks = clip_BTHWC.astype(jnp.float32).reshape(batch, t, block[0], h, block[1], w, block[2], channels)
    means_BTHWC = jnp.mean(blocks, axis=(2, 4, 6))
    rows, columns = _cubic_matrix(h, block[1]), _cubic_matrix(w, block[2])
    tall = jnp.einsum("bthwc,yh->btywc", means_BTHWC, rows, precision=lax.Precision.HIGHEST)
    full = jnp.einsum("btywc,xw->btyxc", tall, columns, precision=lax.Precision.HIGHEST)
    return jnp.repeat(_to_uint8(full), block[0], axis=1)


def _to_uint8(values: Array) -> Array:
    return jnp.clip(jnp.round(values), 0.0, 255.0).astype(jnp.uint8)


def _cubic_matrix(size: int, factor: int) -> np.ndarray:
    """[size * factor, size] float32 weights of cubic interpolation (Keys 1981, eq. 4) with a = -0.75."""
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    left = np.floor(centres).astype(int)
    weights = np.zeros((size * factor, size))
    for tap in range(-1, 3):
        distance = np.abs(centres - (left + tap))
        near = ((CUBIC_A + 2) * distance - (CUBIC_A + 3)) * distance**2 + 1
        far = CUBIC_A * (((distance - 5) * distance + 8) * distance - 4)
        column = np.clip(left + tap, 0, size - 1)
        np.add.at(weights, (np.arange(size * factor), column), np.where(distance <= 1, near, far))
    return weights.astype(np.float32)
