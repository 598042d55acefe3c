"""A chunk's grids of indices to the bytes of each level and back, by what the bundle holds."""

from collections.abc import Mapping, Sequence

import numpy as np

from vqvae_jax.codec.interface import Grid
from vqvae_jax.entropy.plain import decode_deflate, decode_fixed, encode_deflate, encode_fixed
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.pair_tables import LevelTables

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
            coarse = tables[level].decode(payload, shape, coarse)
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
    return model.encode(np.asarray(indices_THW, np.int64), coarse_THW)
