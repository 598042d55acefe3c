"""PSNR of 8-bit frames and of their temporal differences, and the one rounding of [0, 1] video to 8 bits."""

import jax.numpy as jnp
from jax import Array

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.groups import over_groups

PEAK = 255.0
CAP_DB = 100.0  # identical frames would give infinity, which is not JSON


def to_uint8(x: Array) -> Array:
    """Rounds video in [0, 1] to 8 bits: round(255 x) in float32, ties to even, clipped to [0, 255].

    Every reported figure is measured after this rounding. NaN becomes 0: look for non-finite values before.
    """
    levels = jnp.round(x.astype(jnp.float32) * PEAK)
    return jnp.clip(jnp.where(jnp.isnan(levels), 0.0, levels), 0.0, PEAK).astype(jnp.uint8)


def frame_psnr(reference_BTHWC: Array, estimate_BTHWC: Array) -> Array:
    """PSNR of every frame, 10 log10(255^2 / MSE) over height, width and channels, at most 100 dB.

    Equals `skimage.metrics.peak_signal_noise_ratio(data_range=255)` on 8-bit frames that differ.

    Args:
      reference_BTHWC: uint8.
      estimate_BTHWC: uint8, same shape.

    Returns:
      [B, T] float32 dB.

    Raises:
      UserError: if shapes differ, a dtype is not uint8, or frames are wider than the exact sums allow (22,016 in RGB).
    """
    check_pair(reference_BTHWC, estimate_BTHWC)
    return over_groups(lambda x, y: _psnr(_error(x, y), largest=255), reference_BTHWC, estimate_BTHWC)


def difference_psnr(reference_BTHWC: Array, estimate_BTHWC: Array) -> Array:
    """Temporal coherence: PSNR (peak 255) between x[t+1] - x[t] of the reference and of the estimate.

    Flicker that PSNR per frame hardly sees lowers it; a constant offset in time does not.

    Args and errors as `frame_psnr`, with at least 2 frames.

    Returns:
      [B, T-1] float32 dB, at most 100.
    """
    check_pair(reference_BTHWC, estimate_BTHWC)
    if reference_BTHWC.shape[1] < 2:
        raise UserError("difference_psnr: a clip of 1 frame has no frame differences; at least 2 frames are needed")
    # The difference of the two differences is the temporal difference of the error.
    return over_groups(lambda x, y: _psnr(jnp.diff(_error(x, y), axis=1), largest=510), reference_BTHWC, estimate_BTHWC)


def lossless_frames(reference_BTHWC: Array, estimate_BTHWC: Array) -> Array:
    """[B, T] bool: which frames are identical in every 8-bit value (their PSNR is the cap, not a measurement)."""
    check_pair(reference_BTHWC, estimate_BTHWC)
    return jnp.all(reference_BTHWC == estimate_BTHWC, axis=(2, 3, 4))


def check_pair(reference: Array, estimate: Array) -> None:
    """Raises a `UserError` unless both are uint8 video of one shape (B, T, H, W, C)."""
    if reference.shape != estimate.shape or reference.ndim != 5:
        raise UserError(
            f"metrics: expected two videos of one shape (B, T, H, W, C), found {reference.shape} and {estimate.shape}"
        )
    if reference.dtype != jnp.uint8 or estimate.dtype != jnp.uint8:
        raise UserError(
            f"metrics: expected uint8 video, found {reference.dtype} and {estimate.dtype}; use to_uint8 on [0, 1] video"
        )


def _error(reference: Array, estimate: Array) -> Array:
    return reference.astype(jnp.int32) - estimate.astype(jnp.int32)


def _psnr(error: Array, largest: int) -> Array:
    """PSNR from integer errors [B, T, H, W, C] no larger than `largest`, with an exact sum of squares."""
    width, channels = error.shape[-2:]
    if width * channels * largest**2 >= 2**32:
        raise UserError(f"metrics: frames of {width} x {channels} values per row are too wide for exact squared errors")
    rows = jnp.sum((error * error).astype(jnp.uint32), axis=(-2, -1), dtype=jnp.uint32)
    # A frame's sum may pass 2^32: add the upper and lower halves apart, exactly, and join them in float32 last.
    upper = jnp.sum(rows >> 16, axis=-1, dtype=jnp.uint32).astype(jnp.float32)
    lower = jnp.sum(rows & 0xFFFF, axis=-1, dtype=jnp.uint32).astype(jnp.float32)
    height = error.shape[-3]
    mse = (upper * 65536.0 + lower) / float(height * width * channels)
    return jnp.minimum(10.0 * jnp.log10(PEAK**2 / jnp.maximum(mse, 1e-10)), CAP_DB)
