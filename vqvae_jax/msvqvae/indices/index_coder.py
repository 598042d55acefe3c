"""A chunk's grids of indices to the bytes of each level and back, by what the bundle holds."""

from collections.abc import Mapping, Sequence

import numpy as np

from vqvae_jax.entropy.plain import decode_deflate, decode_fixed, encode_deflate, encode_fixed
from vqvae_jax.entropy.rans import encode
from vqvae_jax.msvqvae.indices import context_coder, pair_coder
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.tables import LevelTables

Grid = tuple[int, int, int]
#: Pair tables came with the first bundles; they are read, and no longer fitted.
LevelModel = ContextModel | LevelTables


def pack(mode: str, tables: Mapping[str, LevelModel], indices: Mapping[str, np.ndarray]) -> list[bytes]:
    """The payload of every level, coarse first. A level is coded given the coarser one, never the other way round.

    Args:
      mode: "range", "deflate" or "fixed".
      tables: by level.
      indices: by level, coarse first, [t, h, w] integers.
    """
    payloads, coarse = [], None
    for level, grid in indices.items():
        if mode == "range":
            payloads.append(encode_level(tables[level], grid, coarse))
        elif mode == "deflate":
            payloads.append(encode_deflate(grid))
        else:
            payloads.append(encode_fixed(grid, tables[level].codes))
        coarse = grid
    return payloads


def unpack(
    mode: str, tables: Mapping[str, LevelModel], payloads: Sequence[bytes], shapes: Mapping[str, Grid]
) -> dict[str, np.ndarray]:
    """The inverse of `pack` for the first `len(payloads)` levels: int32 grids of `shapes`, every index in [0, K).

    Raises:
      CorruptStreamError: if a payload is not what `pack` writes for this mode, these tables and shapes.
    """
    indices: dict[str, np.ndarray] = {}
    coarse = None
    for (level, shape), payload in zip(shapes.items(), payloads, strict=False):
        if mode == "range":
            coarse = decode_level(tables[level], payload, shape, coarse)
        elif mode == "deflate":
            coarse = decode_deflate(payload, shape, tables[level].codes)
        else:
            coarse = decode_fixed(payload, shape, tables[level].codes)
        indices[level] = coarse
    return indices


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
