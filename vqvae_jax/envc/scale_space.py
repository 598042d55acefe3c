"""Gaussian scale space (Agustsson et al. 2020): a picture more and more blurred, read at a place and a depth."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.layers.bound import bounded
from vqvae_jax.layers.sampling import warp
from vqvae_jax.precision import EXACT

SLICES = 6  # the picture, and five blurred ones
_SIGMA = 1.5
_REACH = 5  # taps to either side: 3 sigma, rounded up


def volume(picture_BHWC: Array) -> list[Array]:
    """Six pictures, [B, H, W, C] each, from sharp to blurred. H and W are multiples of 16."""
    blurred = _blur(picture_BHWC)
    slices = [picture_BHWC, blurred]
    for octave in range(1, SLICES - 1):
        batch, height, width, channels = blurred.shape
        halves = blurred.reshape(batch, height // 2, 2, width // 2, 2, channels)
        blurred = _blur(jnp.mean(halves, axis=(2, 4)))
        large = blurred
        for _ in range(octave):
            batch, height, width, channels = large.shape
            large = jax.image.resize(large, (batch, 2 * height, 2 * width, channels), "linear", precision=EXACT)
        slices.append(large)
    return slices


def read(slices: list[Array], flow_BHW2: Array, depth_BHW: Array) -> Array:
    """The volume at (down, right) pixels away and between its slices, trilinear; its borders are repeated.

    Args:
      slices: of `volume`.
      flow_BHW2: pixels down and to the right.
      depth_BHW: in slices, 0 the sharp one; brought into [0, 5] with the gradient that leads back.
    """
    depth = bounded(depth_BHW, 0.0, SLICES - 1.0)
    total = jnp.zeros_like(slices[0])
    for number, picture in enumerate(slices):
        near = jnp.maximum(1.0 - jnp.abs(depth - number), 0.0)
        total = total + near[..., None] * jax.checkpoint(warp)(picture, flow_BHW2)
    return total


def _blur(picture_BHWC: Array) -> Array:
    """11 taps along each axis, edges repeated, every channel alone."""
    taps = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SIGMA) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (1, 2):
        size = picture_BHWC.shape[axis]
        edge = [(_REACH, _REACH) if a == axis else (0, 0) for a in range(4)]
        wide = jnp.pad(picture_BHWC, edge, mode="edge")
        parts = [float(tap) * lax.slice_in_dim(wide, n, n + size, axis=axis) for n, tap in enumerate(taps)]
        picture_BHWC = sum(parts[1:], parts[0])
    return picture_BHWC
