"""What is asked of arrays that come out of a bundle, before anything is computed with them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.contexts import ACTIVITIES

Expected = Mapping[str, tuple[type, tuple[int, ...]]]  # type and shape by name


def check_shapes(what: str, arrays: Any, expected: Expected) -> None:
    """Raises a `UserError` that begins with `what` and names the first array of another type or shape, or without
    elements."""
    for name, (dtype, shape) in expected.items():
        array = getattr(arrays, name)
        if array.dtype != dtype or array.shape != shape or not array.size:
            raise UserError(f"{what}: {name} is {array.dtype}{array.shape}, not {np.dtype(dtype)}{shape}")


def check_flags(what: str, activity_K: np.ndarray, repeat: np.ndarray) -> None:
    """Raises a `UserError` unless classes, probabilities of repeats and the number of codes are within their ranges."""
    if activity_K.max() >= ACTIVITIES:
        raise UserError(f"{what}: activity points beyond the {ACTIVITIES} there are")
    if repeat.min() < 1:
        raise UserError(f"{what}: a repeat of probability 0")
    if len(activity_K) > SCALE // 2:
        raise UserError(f"{what}: {len(activity_K)} codes are more than the coder's {SCALE // 2}")
