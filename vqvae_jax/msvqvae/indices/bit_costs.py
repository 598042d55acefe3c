"""What a level's model charges for each symbol, in bits: for an encoder that weighs them. Never used to code."""

from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.blas import one_blas_thread
from vqvae_jax.entropy.frequencies import STEPS_PER_BIT
from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.msvqvae.indices.context_model import ContextModel, parts
from vqvae_jax.msvqvae.indices.contexts import repeat_chances
from vqvae_jax.msvqvae.indices.order import observe, reading_order

#: Probability by cost, before a row is made to sum to 1.
_SHARES = np.exp2(-np.arange(256) / STEPS_PER_BIT).astype(np.float32)


class BitCosts(NamedTuple):
    """What candidates for a grid cost in the contexts that the grid makes for itself; float32."""

    repeat: np.ndarray  # [T - 1, H, W], of saying that an index repeats the earlier one
    change: np.ndarray  # [T - 1, H, W], of saying that it does not
    symbol: np.ndarray  # [T, H, W, C], of each candidate, where it does not repeat


@one_blas_thread()
def bit_costs(
    model: ContextModel, indices_THW: np.ndarray, coarse_THW: np.ndarray | None, candidates_THWC: np.ndarray
) -> BitCosts:
    """Bits of C candidates for each index of a grid.

    A candidate that the grid has one step before is charged as a changed index is: as next to impossible, even where a
    path would come to it from another one. Charging that change by its context was tried, and saved nothing.

    Args:
      model: of the level.
      indices_THW: integers in [0, K); contexts are taken from it.
      coarse_THW: the grid of the next coarser level, if there is one.
      candidates_THWC: integers in [0, K).
    """
    chance = repeat_chances(model.arrays.repeat, model.arrays.activity, indices_THW, coarse_THW)
    chance = chance.astype(np.float32) / SCALE
    symbol = _symbol_bits(model, indices_THW, coarse_THW, candidates_THWC)
    return BitCosts(-np.log2(chance), -np.log2(1 - chance), symbol)


def _symbol_bits(
    model: ContextModel, indices_THW: np.ndarray, coarse_THW: np.ndarray | None, candidates_THWC: np.ndarray
) -> np.ndarray:
    steps, height, width = indices_THW.shape
    observed, _, _ = observe(indices_THW, coarse_THW, model.codes, model.coarse_codes, changed_only=False)
    # Rows are in the order of coding, the same in each step.
    order = reading_order(height, width)
    candidates = candidates_THWC.reshape(steps, height * width, -1)[:, order].reshape(len(observed.coarse), -1)
    bits = np.empty(candidates.shape, np.float32)
    for part, rows in parts(observed, model.codes):
        costs = model.costs(part)
        total = _SHARES.take(costs).sum(axis=1, keepdims=True)
        bits[rows] = np.take_along_axis(costs, candidates[rows], axis=1) / STEPS_PER_BIT + np.log2(total)
    back = np.empty((steps, height * width, candidates.shape[1]), np.float32)
    back[:, order] = bits.reshape(back.shape)
    return back.reshape(candidates_THWC.shape)
