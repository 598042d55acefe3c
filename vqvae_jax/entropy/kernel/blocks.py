"""Weights of 8 bits as `product.h` multiplies with them."""

import numpy as np

TILE = 32  # of `product.h`


def blocks(weights_RK: np.ndarray) -> np.ndarray:
    """int8 [R, K] -> int16 [ceil(K / TILE), R, TILE]; what is filled up is zero."""
    rows, columns = weights_RK.shape
    filled = np.zeros((rows, -(-columns // TILE) * TILE), np.int16)
    filled[:, :columns] = weights_RK
    return np.ascontiguousarray(filled.reshape(rows, -1, TILE).transpose(1, 0, 2))


def largest(weights_RK: np.ndarray) -> np.ndarray:
    """The greatest magnitude in every row: int32 [R]."""
    return np.abs(weights_RK.astype(np.int32)).max(axis=1)


def padded(array: np.ndarray, multiple: int, fill: int = 0) -> np.ndarray:
    """The last axis filled up to a multiple."""
    more = -array.shape[-1] % multiple
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, more)], constant_values=fill)
