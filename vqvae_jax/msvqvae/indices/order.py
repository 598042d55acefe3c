"""The order in which a step's changed indices are coded, and what each of them may lean on.

The repeat flags of a step come first, so the repeated indices are known before any other. The changed ones follow in
four interleaved groups, one in four positions each: the distributions of a whole group are computed at once, and later
groups have neighbours on all sides (the checkerboards of He et al. 2021, twice).

Grids are padded by one position of "unknown" on each side, and positions are numbers in the flattened padded grid, so
that a neighbour is a fixed distance away.
"""

import numpy as np

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
    found = np.empty((len(positions), NEIGHBOURS), np.int64)
    for column, (down, right) in enumerate(BEFORE):
        found[:, column] = before[positions + down * (width + 2) + right]
    found[:, len(BEFORE)] = earlier[positions]
    for column, (down, right) in enumerate(AROUND, len(BEFORE) + 1):
        found[:, column] = now[positions + down * (width + 2) + right]
    return found
