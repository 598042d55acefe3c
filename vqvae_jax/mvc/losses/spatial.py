"""Absolute error and structural similarity of frames (Tang et al. 2023, equation 6)."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.metrics.ms_ssim import SIGMA, WINDOW
from vqvae_jax.metrics.psnr import PEAK
from vqvae_jax.metrics.ssim import C1, C2
from vqvae_jax.precision import EXACT

ALPHA = 0.7  # of the absolute error


def spatial_loss(x_BHWC: Array, y_BHWC: Array) -> Array:
    """0.7 |y - x| + 0.3 (1 - SSIM), pixels in [0, 1]: [B] float32."""
    error = jnp.mean(jnp.abs(y_BHWC - x_BHWC), axis=(1, 2, 3))
    return ALPHA * error + (1 - ALPHA) * (1 - similarity(x_BHWC, y_BHWC))


def similarity(x_BHWC: Array, y_BHWC: Array) -> Array:
    """SSIM with a Gaussian window, 11x11 of sigma 1.5 or the largest odd one that fits; windows wholly in the frame.

    Returns:
      [B] float32, means over windows and channels.
    """
    x, y = x_BHWC.astype(jnp.float32) - 0.5, y_BHWC.astype(jnp.float32) - 0.5  # squares lose fewer digits around 0
    mean_x, mean_y = _blur(x), _blur(y)
    variance = _blur(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = C1 / PEAK**2, C2 / PEAK**2
    a, b = mean_x + 0.5, mean_y + 0.5
    luminance = (2 * a * b + c1) / (a**2 + b**2 + c1)
    return jnp.mean(luminance * (2 * covariance + c2) / (variance + c2), axis=(1, 2, 3))


def _blur(x_BHWC: Array) -> Array:
    """The window's mean, valid part. Two products with banded matrices: on a CPU a fourth of the time that
    convolutions of single channels take."""
    size = min(WINDOW, *(side - 1 + side % 2 for side in x_BHWC.shape[1:3]))
    rows, columns = (_bands(side, size) for side in x_BHWC.shape[1:3])
    across = jnp.einsum("jw,bhwc->bhjc", columns, x_BHWC, precision=EXACT)
    return jnp.einsum("ih,bhjc->bijc", rows, across, precision=EXACT)


def _bands(side: int, size: int) -> np.ndarray:
    """[side - size + 1, side] float32: each row has the window's weights from another place on."""
    offsets = np.arange(size) - size // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    bands = np.zeros((side - size + 1, side))
    for place in range(len(bands)):
        bands[place, place : place + size] = weights / weights.sum()
    return bands.astype(np.float32)
