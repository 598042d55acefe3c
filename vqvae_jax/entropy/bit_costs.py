"""What the tables charge for each symbol, in bits: for an encoder that weighs them. Never used to code."""

from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.contexts import coarse_repeats, first_neighbours, repeat_contexts
from vqvae_jax.entropy.rans import SCALE, SCALE_BITS
from vqvae_jax.entropy.tables import LevelTables


class BitCosts(NamedTuple):
    """What one level's symbols cost given a grid's contexts; bits are float32."""

    repeat: np.ndarray  # [T - 1, H, W], of saying that an index repeats the earlier one
    change: np.ndarray  # [T - 1, H, W], of saying that it does not
    first_rows: np.ndarray  # [H, W] int, row of `first_symbol_bits` for each position of the first step


def bit_costs(tables: LevelTables, indices_THW: np.ndarray, coarse_THW: np.ndarray | None) -> BitCosts:
    """Costs in the contexts that a grid makes for itself.

    Args:
      tables: of the level.
      indices_THW: integers in [0, K); contexts are taken from it.
      coarse_THW: the grid of the next coarser level, if there is one.
    """
    arrays = tables.arrays
    contexts = repeat_contexts(indices_THW, coarse_repeats(coarse_THW, indices_THW.shape), arrays.activity)
    chance = arrays.repeat[contexts].astype(np.float32) / SCALE
    rows = arrays.first_rows[first_neighbours(indices_THW[0], tables.codes)]
    return BitCosts(-np.log2(chance), -np.log2(1 - chance), rows.astype(np.int32))


def changed_symbol_bits(tables: LevelTables) -> np.ndarray:
    """Bits of an index that does not repeat, given the one a step earlier: float32 [R, K], rows by `previous_rows`."""
    return _bits(tables.previous_starts)


def first_symbol_bits(tables: LevelTables) -> np.ndarray:
    """Bits of an index in the first step: float32 [S, K], rows by `BitCosts.first_rows`."""
    return _bits(tables.first_starts)


def _bits(starts: np.ndarray) -> np.ndarray:
    return (SCALE_BITS - np.log2(np.diff(starts, axis=-1))).astype(np.float32)
