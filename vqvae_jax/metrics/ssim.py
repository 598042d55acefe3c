"""Structural similarity as scikit-image computes it by default."""

import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import PEAK, check_pair

WINDOW = 7
C1 = (0.01 * PEAK) ** 2
C2 = (0.03 * PEAK) ** 2


def frame_ssim(reference_BTHWC: Array, estimate_BTHWC: Array) -> Array:
    """SSIM (Wang et al. 2004) of every frame in scikit-image's default form: 7x7 uniform window, sample covariance.

    Equals `skimage.metrics.structural_similarity(a, b, channel_axis=-1, data_range=255)`: windows that lie wholly in
    the frame, mean over windows and channels. The Gaussian-window variant of the paper gives other numbers.

    Args:
      reference_BTHWC: uint8.
      estimate_BTHWC: uint8, same shape.

    Returns:
      [B, T] float32, in [-1, 1].

    Raises:
      UserError: if shapes differ, a dtype is not uint8, or a side is under 7.
    """
    check_pair(reference_BTHWC, estimate_BTHWC)
    if min(reference_BTHWC.shape[2:4]) < WINDOW:
        raise UserError(f"ssim: frames of {reference_BTHWC.shape[2:4]} are smaller than its {WINDOW} x {WINDOW} window")
    x, y = reference_BTHWC.astype(jnp.int32), estimate_BTHWC.astype(jnp.int32)

    # Variances as n * sum(x^2) - sum(x)^2 cancel badly in float32 but are exact in int32: at most 2 * 49^2 * 255^2.
    n = WINDOW**2
    sum_x, sum_y = _box_sum(x), _box_sum(y)
    products = sum_x * sum_y
    squares = sum_x * sum_x + sum_y * sum_y
    covariance = (n * _box_sum(x * y) - products).astype(jnp.float32) / (n * (n - 1))
    variances = (n * _box_sum(x * x + y * y) - squares).astype(jnp.float32) / (n * (n - 1))
    luminance = (2.0 * products.astype(jnp.float32) / n**2 + C1) / (squares.astype(jnp.float32) / n**2 + C1)
    structure = (2.0 * covariance + C2) / (variances + C2)
    return jnp.mean(luminance * structure, axis=(2, 3, 4))


def _box_sum(values_BTHWC: Array) -> Array:
    """Sums over every 7x7 window inside the frame: [B, T, H, W, C] -> [B, T, H-6, W-6, C]."""
    return _run_sum(_run_sum(values_BTHWC, axis=2), axis=3)


def _run_sum(values: Array, axis: int) -> Array:
    """Sums of 7 neighbours in 4 additions: 7 = 4 + 2 + 1."""
    size = values.shape[axis] - WINDOW + 1

    def at(a: Array, start: int, length: int) -> Array:
        return lax.slice_in_dim(a, start, start + length, axis=axis)

    pairs = at(values, 0, size + 5) + at(values, 1, size + 5)
    fours = at(pairs, 0, size) + at(pairs, 2, size)
    return fours + at(pairs, 4, size) + at(values, 6, size)
