"""Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003)."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import PEAK, check_pair
from vqvae_jax.metrics.ssim import C1, C2
from vqvae_jax.precision import EXACT

#: Exponents of the scales, finest first (found by the paper's experiment; other libraries have the same).
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
#: The window must fit into the coarsest scale; the authors' own program refuses smaller frames too.
SMALLEST_SIDE = WINDOW * 2 ** (len(WEIGHTS) - 1)


def frame_ms_ssim(reference_BTHWC: Array, estimate_BTHWC: Array) -> Array:
    """MS-SSIM of every frame: five scales, Gaussian window 11x11 of sigma 1.5, halved by means of 2x2 pixels.

    Equal to pytorch_msssim where the sides that are halved are even; at odd ones it pads, we drop the last line.

    Windows that lie wholly in the frame; per channel, then the mean over channels. Contrast-structure terms below 0
    count as 0, as they have no real power.

    Args:
      reference_BTHWC: uint8; sides of at least 176.
      estimate_BTHWC: uint8, same shape.

    Returns:
      [B, T] float32, in [0, 1].

    Raises:
      UserError: if shapes differ, a dtype is not uint8, or a side is under 176.
    """
    check_pair(reference_BTHWC, estimate_BTHWC)
    if min(reference_BTHWC.shape[2:4]) < SMALLEST_SIDE:
        raise UserError(
            f"ms_ssim: frames of {reference_BTHWC.shape[2:4]} are too small for five scales; sides of at least "
            f"{SMALLEST_SIDE} are needed"
        )
    batch, time = reference_BTHWC.shape[:2]
    # One frame after another: the windowed sums of all scales take many times the memory of the frames.
    frames = [x.reshape(-1, *x.shape[2:]) for x in (reference_BTHWC, estimate_BTHWC)]
    return lax.map(lambda pair: _one_frame(*pair), tuple(frames)).reshape(batch, time)


def similarity(reference_BTHWC: Array, estimate_BTHWC: Array) -> Array:
    """The same of pixels in [0, 1], not rounded, with a gradient: terms below 1e-6 count as that.

    Args:
      reference_BTHWC: float32; sides of at least 176.
      estimate_BTHWC: float32, same shape; not clipped.

    Returns:
      [B, T] float32.
    """
    assert min(reference_BTHWC.shape[2:4]) >= SMALLEST_SIDE
    one = jax.vmap(jax.vmap(lambda x, y: _one_frame(PEAK * x, PEAK * y, least=1e-6)))
    return one(reference_BTHWC, estimate_BTHWC)


def _one_frame(x_HWC: Array, y_HWC: Array, least: float = 0.0) -> Array:
    # Channels as a batch of one-channel images: [C, H, W, 1].
    x, y = (jnp.moveaxis(a, -1, 0)[..., None].astype(jnp.float32) for a in (x_HWC, y_HWC))
    product = jnp.ones(x.shape[0])
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            x, y = _halve(x), _halve(y)
        luminance, structure = _terms(x, y)
        term = structure if scale < len(WEIGHTS) - 1 else luminance
        product *= jnp.maximum(term, least) ** weight
    return jnp.mean(product)


def _terms(x: Array, y: Array) -> tuple[Array, Array]:
    """Means over windows of SSIM (luminance and structure) and of the contrast-structure term alone, [C] each."""
    # Around the middle of the range: variances as E[x^2] - E[x]^2 lose fewer digits.
    middle = PEAK / 2
    u, v = x - middle, y - middle
    mean_u, mean_v = _blur(u), _blur(v)
    variance = _blur(u * u) + _blur(v * v) - mean_u**2 - mean_v**2
    covariance = _blur(u * v) - mean_u * mean_v
    structure = (2 * covariance + C2) / (variance + C2)
    mean_x, mean_y = mean_u + middle, mean_v + middle
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    axes = (1, 2, 3)
    return jnp.mean(luminance * structure, axis=axes), jnp.mean(structure, axis=axes)


def _blur(x_NHWC: Array) -> Array:
    """Gaussian window, valid part."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    kernel = jnp.asarray(weights / weights.sum(), jnp.float32)
    for shape in ((WINDOW, 1, 1, 1), (1, WINDOW, 1, 1)):
        x_NHWC = lax.conv_general_dilated(
            x_NHWC,
            kernel.reshape(shape),
            (1, 1),
            "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=EXACT,
        )
    return x_NHWC


def _halve(x_NHWC: Array) -> Array:
    """Means of 2x2 pixels; an odd last row or column is left out."""
    n, height, width, c = x_NHWC.shape
    even = x_NHWC[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, height // 2, 2, width // 2, 2, c).mean(axis=(2, 4))
