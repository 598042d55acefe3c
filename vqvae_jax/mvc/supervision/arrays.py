"""Weights of frozen networks in .npz files."""

from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.losses.npz_weights import read_arrays, read_headers

Weights = Mapping[str, Array]


def load(file: Path, shapes: Mapping[str, tuple[int, ...]], what: str) -> dict[str, np.ndarray]:
    """Arrays of a file by name; it may hold others.

    Raises:
      UserError: if it cannot be read, or an array is missing, of another shape or type, or not finite; names it.
    """
    headers = read_headers(file)
    for name, shape in shapes.items():
        if name not in headers:
            raise UserError(f"{file} is no {what}: it has no {name}")
        if headers[name] != (shape, np.float32):
            raise UserError(f"{file}: {name} is {headers[name].dtype} {headers[name].shape}; expected float32 {shape}")
    found = read_arrays(file, shapes)
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise UserError(f"{file}: {name} holds values that are not finite")
    return found


def convolve(weights: Weights, name: str, x_BHWC: Array, stride: int = 1) -> Array:
    """As PyTorch does with half of the kernel as padding; a bias where there is one."""
    kernel = weights[f"{name}/kernel"]
    pad = [(kernel.shape[0] // 2,) * 2] * 2
    y = lax.conv_general_dilated(x_BHWC, kernel, (stride, stride), pad, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + weights[f"{name}/bias"] if f"{name}/bias" in weights else jnp.asarray(y)
