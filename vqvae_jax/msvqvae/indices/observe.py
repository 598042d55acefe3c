"""What a decoder knows when it comes to an index, collected over a whole grid: for encoding and fitting."""

from typing import NamedTuple

import numpy as np

from vqvae_jax.msvqvae.indices.contexts import co_located
from vqvae_jax.msvqvae.indices.order import group_positions, neighbours, padded, unknown_grid


class Observed(NamedTuple):
    """What is known around M indices, in the order in which they are coded."""

    neighbours: np.ndarray  # [M, NEIGHBOURS] int, 0 ... K
    coarse: np.ndarray  # [M] int, 0 ... K of the coarser level
    first: np.ndarray  # [M] bool, in a grid's first step
    group: np.ndarray  # [M] int


def observe(
    indices_THW: np.ndarray, coarse_THW: np.ndarray | None, codes: int, coarse_codes: int, changed_only: bool = True
) -> tuple[Observed, np.ndarray, np.ndarray]:
    """What a decoder knows when it comes to each index of a grid.

    Args:
      indices_THW: integers in [0, codes).
      coarse_THW: the grid of the next coarser level, integers in [0, coarse_codes), if there is one.
      changed_only: leave out the indices that a flag tells already; else all of them, in the order of groups, each as
        if it had changed.

    Returns:
      What is known around each index; the index; its step.
    """
    shape = indices_THW.shape
    steps, height, width = shape
    coarse = co_located(coarse_THW, shape, coarse_codes)
    groups = group_positions(height, width)
    before = earlier = unknown_grid(height, width, codes)
    found: list[tuple[np.ndarray, ...]] = []
    for step in range(steps):
        whole, around = padded(indices_THW[step], codes), padded(coarse[step], 0)
        changed = whole != before
        now = np.where(changed, codes, whole)
        for number, positions in enumerate(groups):
            at = positions[changed[positions]] if changed_only else positions
            known = neighbours(now, before, earlier, at, width)
            constants = np.full((3, len(at)), [[step == 0], [number], [step]])
            found.append((known, around[at], *constants, whole[at]))
            now[positions] = whole[positions]
        before, earlier = whole, before
    known, near, first, group, of_step, symbols = (np.concatenate(column) for column in zip(*found, strict=True))
    return Observed(known, near, first.astype(bool), group), symbols, of_step
