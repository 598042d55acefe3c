"""Distributions of factorized latents as integers: made once, when a model is exported, and kept in its bundle."""

from itertools import pairwise
from typing import Any

import numpy as np

from vqvae_jax.entropy.rans import FINE_BITS
from vqvae_jax.errors import UserError

RADIUS = 64  # symbols lie in [-64, 64)


def channel_tables(prior: Any) -> np.ndarray:
    """Sums of frequencies below each symbol and of them all: int32 [C, 129], from 0 to 2**24, strictly increasing.

    Between them floor(F(k - 1/2) (2**24 - 128)) + k + 64, F by double precision; tails go to the first and the last.

    Args:
      prior: weights of `factorized.Factorized`.
    """
    edges = np.arange(-RADIUS + 1, RADIUS)
    x = np.broadcast_to(edges - 0.5, (len(prior["matrix_0"]), 1, len(edges)))
    layer = 0
    while f"matrix_{layer}" in prior:
        x = np.logaddexp(0.0, _float64(prior[f"matrix_{layer}"])) @ x + _float64(prior[f"bias_{layer}"])
        if f"factor_{layer}" in prior:
            x = x + np.tanh(_float64(prior[f"factor_{layer}"])) * np.tanh(x)
        layer += 1
    below = np.floor(np.exp(-np.logaddexp(0.0, -x[:, 0])) * ((1 << FINE_BITS) - 2 * RADIUS)).astype(np.int64)
    found = np.zeros((len(below), 2 * RADIUS + 1), np.int32)
    found[:, 1:-1] = below + edges + RADIUS
    found[:, -1] = 1 << FINE_BITS
    return found


def check_tables(name: str, tables: np.ndarray, channels: int) -> np.ndarray:
    """The tables.

    Raises:
      UserError: if they are not what `channel_tables` makes for so many channels; begins with `name`.
    """
    fits = tables.shape == (channels, 2 * RADIUS + 1) and tables.dtype == np.int32
    if not fits or (tables[:, 0] != 0).any() or (tables[:, -1] != 1 << FINE_BITS).any():
        raise UserError(f"tensor {name} is not int32[{channels}, {2 * RADIUS + 1}] from 0 to {1 << FINE_BITS}")
    if any((low >= high).any() for low, high in pairwise(tables.T)):
        raise UserError(f"tensor {name} does not increase")
    return tables


def _float64(leaf: Any) -> np.ndarray:
    return np.asarray(leaf, np.float64)
