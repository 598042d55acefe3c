"""Structural similarity as scikit-image computes it by default."""

from functools import partial

import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.groups import apart, over_groups
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
    batch, time, height, width, channels = reference_BTHWC.shape
    if min(height, width) < WINDOW:
        raise UserError(f"ssim: frames of {(height, width)} are smaller than its {WINDOW} x {WINDOW} window")
    # Channels side by side in one long row: a neighbour in width is `channels` away, and rows fill vector registers.
    rows = height, width * channels
    frames = reference_BTHWC.reshape(-1, *rows), estimate_BTHWC.reshape(-1, *rows)

    def similarity(x: Array, y: Array) -> Array:
        # Apart, or windows are summed anew for every output, 49 values instead of 7 and 7: twenty times slower.
        local = apart(partial(_local_similarity, channels=channels))(*apart(_column_sums)(x, y))
        return jnp.mean(local, axis=(-2, -1))

    return over_groups(similarity, *frames).reshape(batch, time)


def _column_sums(x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """Sums of x, y, x y and x^2 + y^2 over 7 rows: [..., H, V] uint8 -> [..., H-6, V] integers."""
    wide_x, wide_y = x.astype(jnp.int32), y.astype(jnp.int32)
    return (
        _run_sum(x.astype(jnp.int16), axis=-2),
        _run_sum(y.astype(jnp.int16), axis=-2),
        _run_sum(wide_x * wide_y, axis=-2),
        _run_sum(wide_x * wide_x + wide_y * wide_y, axis=-2),
    )


def _local_similarity(x: Array, y: Array, xy: Array, xx_yy: Array, channels: int) -> Array:
    """SSIM of every window from the sums over its columns, [..., H-6, W, C] as rows: float32 [..., H-6, (W-6) C]."""
    sum_x, sum_y, sum_xy, sum_squares = (
        _run_sum(sums.astype(jnp.int32), axis=-1, step=channels) for sums in (x, y, xy, xx_yy)
    )
    # Variances as n * sum(x^2) - sum(x)^2 cancel badly in float32 but are exact in int32: at most 2 * 49^2 * 255^2.
    n = WINDOW**2
    products = sum_x * sum_y
    squares = sum_x * sum_x + sum_y * sum_y
    covariance = (n * sum_xy - products).astype(jnp.float32) / (n * (n - 1))
    variances = (n * sum_squares - squares).astype(jnp.float32) / (n * (n - 1))
    luminance = (2.0 * products.astype(jnp.float32) / n**2 + C1) / (squares.astype(jnp.float32) / n**2 + C1)
    return luminance * (2.0 * covariance + C2) / (variances + C2)


def _run_sum(values: Array, axis: int, step: int = 1) -> Array:
    """Sums of 7 values that lie `step` apart."""
    size = values.shape[axis] - (WINDOW - 1) * step
    axis %= values.ndim
    return sum(
        (lax.slice_in_dim(values, k * step, k * step + size, axis=axis) for k in range(1, WINDOW)),
        start=lax.slice_in_dim(values, 0, size, axis=axis),
    )
