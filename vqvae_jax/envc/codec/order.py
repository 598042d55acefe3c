"""In which order positions of a grid are coded, and what a position sees of those before it."""

from typing import NamedTuple

import numpy as np

REACH = 2  # of the context: 5x5 positions


class Step(NamedTuple):
    """Positions that are coded together."""

    rows: np.ndarray  # [n]
    columns: np.ndarray  # [n]


def all_at_once(height: int, width: int) -> list[Step]:
    """Without a context: rows from top to bottom."""
    rows, columns = np.indices((height, width)).reshape(2, -1)
    return [Step(rows, columns)]


def wavefronts(height: int, width: int) -> list[Step]:
    """With a context, column + 3 row together: none sees another, since it sees two columns to the right above."""
    rows, columns = np.indices((height, width)).reshape(2, -1)
    number = columns + (REACH + 1) * rows
    return [Step(rows[number == step], columns[number == step]) for step in range(number[-1] + 1)]


def windows(grid_hwM: np.ndarray, at: Step, count: int) -> np.ndarray:
    """What positions see: [count, 5, 5, M], zeros outside of the grid and behind the last position."""
    side = 2 * REACH + 1
    padded = np.pad(grid_hwM, ((REACH, REACH), (REACH, REACH), (0, 0)))
    around = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))  # [h, w, M, 5, 5]
    return filled(around[at].transpose(0, 2, 3, 1), count)


def filled(rows: np.ndarray, count: int) -> np.ndarray:
    """As many as programs are compiled for; the others are zero."""
    found = np.zeros((count, *rows.shape[1:]), rows.dtype)
    found[: len(rows)] = rows
    return found
