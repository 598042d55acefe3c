"""Positional encodings of time and place, as tables (Tang et al. 2023, equation 2).

The fastest of 80 frequencies turns 4e7 times over a scene, so that what float32 makes of it depends on who computes the
sine. Tables are made by NumPy in float64 on the host, in encoder and decoder alike, and never inside a program.
"""

import numpy as np

from vqvae_jax.mvc.config import MvcConfig


def encode(x_N: np.ndarray, base: float, levels: int) -> np.ndarray:
    """sin and cos of base^k pi x by turns, k = 0 ... levels - 1: [N, 2 levels] float32."""
    angles = np.pi * np.multiply.outer(np.asarray(x_N, np.float64), np.float64(base) ** np.arange(levels))
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(x_N), 2 * levels).astype(np.float32)


def time_codes(config: MvcConfig) -> np.ndarray:
    """Of every frame t / (T - 1): [T, 2 levels] float32."""
    return encode(np.arange(config.frames) / max(config.frames - 1, 1), config.base, config.levels)


def space_codes(config: MvcConfig) -> np.ndarray:
    """Of every place of the grid row by row, of i / h and then of j / w: [h w, 4 levels] float32."""
    rows = encode(np.arange(config.h) / config.h, config.base, config.levels)
    columns = encode(np.arange(config.w) / config.w, config.base, config.levels)
    return np.concatenate([np.repeat(rows, config.w, axis=0), np.tile(columns, (config.h, 1))], axis=1)
