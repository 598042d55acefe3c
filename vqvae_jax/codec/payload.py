"""A chunk's indices to the bytes of each level and back, in the file's mode."""

from collections.abc import Mapping, Sequence

import numpy as np

from vqvae_jax.container.header import Mode
from vqvae_jax.entropy.plain import decode_deflate, decode_fixed, encode_deflate, encode_fixed
from vqvae_jax.msvqvae.indices.index_coder import LevelModel, decode_level, encode_level

Grid = tuple[int, int, int]
Indices = dict[str, np.ndarray]  # by level, coarse first, [t, h, w] integers


def pack(mode: Mode, tables: Mapping[str, LevelModel], indices: Indices) -> list[bytes]:
    """The payload of every level, coarse first. A level is coded given the coarser one, never the other way round."""
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
    mode: Mode, tables: Mapping[str, LevelModel], payloads: Sequence[bytes], shapes: Mapping[str, Grid]
) -> Indices:
    """The inverse of `pack` for the first `len(payloads)` levels: int32 grids of `shapes`, every index in [0, K).

    Raises:
      CorruptStreamError: if a payload is not what `pack` writes for this mode, these tables and shapes.
    """
    indices: Indices = {}
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
