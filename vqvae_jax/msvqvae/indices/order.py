"""The order in which a step's changed indices are coded, and what each of them may lean on.

The repeat flags of a step come first, so the repeated indices are known before any other. The changed ones follow in
four interleaved groups, one in four positions each: the distributions of a whole group are computed at once, and later
groups have neighbours on all sides (the checkerboards of He et al. 2021, twice).

Grids are padded by one position of "unknown" on each side, and positions are numbers in the flattened padded grid, so
that a neighbour is a fixed distance away.
"""

from typing import NamedTuple

import numpy as np

from vqvae_jax.msvqvae.indices.contexts import co_located

#: Group of a position by its row and column, modulo 2: first diagonal neighbours, then the two others.
GROUP_OF = np.array([[0, 2], [3, 1]])
GROUPS = 4
#: Neighbours, (row, column) away: of this step where they are known, and of the step before.
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
BEFORE = ((0, 0), (-1, 0), (0, -1), (0, 1), (1, 0))
#: What an index leans on: `BEFORE`, the index two steps before, `AROUND`.
NEIGHBOURS = len(BEFORE) + 1 + len(AROUND)


def padded(grid_HW: np.ndarray, unknown: int) -> np.ndarray:
    """A grid with a border of `unknown`, flattened: int64 [(H + 2) * (W + 2)]."""
    return np.pad(grid_HW.astype(np.int64), 1, constant_values=unknown).ravel()


def unknown_grid(height: int, width: int, unknown: int) -> np.ndarray:
    """`padded` of a grid of which nothing is known."""
    return np.full((height + 2) * (width + 2), unknown, np.int64)


def group_positions(height: int, width: int) -> list[np.ndarray]:
    """Positions of each group in reading order; int64."""
    rows, columns = np.indices((height, width))
    places = (rows + 1) * (width + 2) + columns + 1
    groups = GROUP_OF[rows % 2, columns % 2]
    return [places[groups == group] for group in range(GROUPS)]


def reading_order(height: int, width: int) -> np.ndarray:
    """Numbers of an unpadded step's positions in the order of coding: int64 [H * W]."""
    places = np.concatenate(group_positions(height, width))
    return (places // (width + 2) - 1) * width + places % (width + 2) - 1


def neighbours(
    now: np.ndarray, before: np.ndarray, earlier: np.ndarray, positions: np.ndarray, width: int
) -> np.ndarray:
    """What is known around positions: int64 [M, NEIGHBOURS].

    Args:
      now, before, earlier: `padded` grids of this step and of the two before it; "unknown" where not decoded yet.
      positions: M numbers in them.
      width: of the grid without padding.
    """
    wide = width + 2
    near = [down * wide + right for down, right in BEFORE]
    around = [down * wide + right for down, right in AROUND]
    offsets = np.array([*near, len(before), *(len(before) + len(earlier) + place for place in around)])
    return np.concatenate([before, earlier, now]).take(positions[:, None] + offsets)


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
