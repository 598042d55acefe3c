"""FDS: absolute error of Fourier transforms (Tang et al. 2023, equation 8)."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array

Norm = Literal["backward", "ortho"]


def frequency_loss(x_BHWC: Array, y_BHWC: Array, norm: Norm = "backward") -> Array:
    """Mean of |Re| and |Im| over the frequencies of every channel's error: [B] float32.

    A transform is linear, so one of the difference is enough; of a real picture, half of its columns: those whose
    mirror image is left out count twice.

    Args:
      x_BHWC: float32.
      y_BHWC: float32.
      norm: `backward` does not scale, and grows with the picture as sqrt(H W) does at one error; `ortho` divides by it.
    """
    _, height, width, channels = x_BHWC.shape
    spectrum = jnp.fft.rfft2((y_BHWC - x_BHWC).astype(jnp.float32), axes=(1, 2), norm=norm)
    times = np.full((spectrum.shape[2], 1), 2.0, np.float32)
    times[0] = 1.0
    if width % 2 == 0:
        times[-1] = 1.0
    parts = jnp.abs(spectrum.real) + jnp.abs(spectrum.imag)
    return jnp.sum(times * parts, axis=(1, 2, 3)) / (2 * height * width * channels)
