"""One level's grid of indices to an entropy-coded stream and back, by what its bundle holds."""

import numpy as np

from vqvae_jax.entropy.rans import encode
from vqvae_jax.msvqvae.indices import context_coder, pair_coder
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.tables import LevelTables

Grid = tuple[int, int, int]
#: Pair tables came with the first bundles; they are read, and no longer fitted.
LevelModel = ContextModel | LevelTables


def encode_level(model: LevelModel, indices_THW: np.ndarray, coarse_THW: np.ndarray | None = None) -> bytes:
    """Codes a grid of indices.

    Args:
      model: of this level.
      indices_THW: integers in [0, K).
      coarse_THW: the grid of the next coarser level, if there is one.
    """
    intervals = coded_intervals(model, np.asarray(indices_THW, np.int64), coarse_THW)
    return encode(*(column.tolist() for column in intervals))


def coded_intervals(
    model: LevelModel, indices_THW: np.ndarray, coarse_THW: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Start and frequency, in units of 2**-16, of every symbol in decoding order: two int64 arrays."""
    if isinstance(model, ContextModel):
        return context_coder.coded_intervals(model, indices_THW, coarse_THW)
    return pair_coder.coded_intervals(model, indices_THW, coarse_THW)


def decode_level(model: LevelModel, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None = None) -> np.ndarray:
    """The inverse of `encode_level`: int32 indices of `shape`, each in [0, K).

    Raises:
      CorruptStreamError: if the bytes were not written by `encode_level` with this model, shape and coarser level.
    """
    if isinstance(model, ContextModel):
        return context_coder.decode_level(model, stream, shape, coarse_THW)
    return pair_coder.decode_level(model, stream, shape, coarse_THW)
