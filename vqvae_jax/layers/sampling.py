"""Pictures read at places between pixels: edges repeated, or zeros outside."""

import jax.numpy as jnp
from jax import Array


def warp(picture_BHWC: Array, flow_BHW2: Array) -> Array:
    """Pictures [B, H, W, C] whose pixels lie by `flow` (down, right) away in `picture`; edges are repeated."""
    batch, height, width, channels = picture_BHWC.shape
    y = jnp.clip(jnp.arange(height, dtype=jnp.float32)[:, None] + flow_BHW2[..., 0], 0.0, height - 1.0)
    x = jnp.clip(jnp.arange(width, dtype=jnp.float32)[None, :] + flow_BHW2[..., 1], 0.0, width - 1.0)
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    corner = (top.astype(jnp.int32) * width + left.astype(jnp.int32)).reshape(batch, -1, 1)
    # A pixel and its three neighbours lie side by side, so that one look-up, and backwards one scattering, does.
    wide = jnp.pad(picture_BHWC, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    corners = [wide[:, dy : dy + height, dx : dx + width] for dy in (0, 1) for dx in (0, 1)]
    pixels = jnp.concatenate(corners, axis=-1).reshape(batch, height * width, 4 * channels)
    found = jnp.take_along_axis(pixels, corner, axis=1, mode="clip").reshape(batch, height, width, 4 * channels)
    at = jnp.split(found, 4, axis=-1)
    upper = at[0] * (1 - right) + at[1] * right
    lower = at[2] * (1 - right) + at[3] * right
    return upper * (1 - down) + lower * down


def sample(picture_BHWGD: Array, y_BNG: Array, x_BNG: Array, weight_BNG: Array) -> Array:
    """weight x picture(y, x), bilinear, zero outside: [B, N, G, D] float32.

    Equals PyTorch's `grid_sample` with zeros and align_corners=False at pixels (y, x).

    Args:
      picture_BHWGD: G groups of D channels. Given as float32, so is the sum that backwards meets in a pixel.
      y_BNG: rows, pixel i at i; of N places, for every group its own.
      x_BNG: columns.
      weight_BNG: factors.
    """
    batch, height, width, groups, depth = picture_BHWGD.shape
    pixels = picture_BHWGD.reshape(batch, height * width, groups, depth)
    # Whole numbers of any size must fit; at -1 and at the size there is nothing any more.
    y, x = jnp.clip(y_BNG, -1.0, height), jnp.clip(x_BNG, -1.0, width)
    top, left = jnp.floor(y), jnp.floor(x)
    total = jnp.zeros((*y.shape, depth), jnp.float32)
    # Tap by tap: all four at once would take four times the memory.
    for row, tall in ((top, top + 1 - y), (top + 1, y - top)):
        for column, broad in ((left, left + 1 - x), (left + 1, x - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = jnp.where(inside, row * width + column, 0).astype(jnp.int32)
            found = jnp.take_along_axis(pixels, index[..., None], axis=1, mode="clip")
            total = total + jnp.where(inside, tall * broad * weight_BNG, 0)[..., None] * found
    return total
