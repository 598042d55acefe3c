"""The tables by which a level's indices are coded. They travel with the model and are the same on every machine."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.contexts import ACTIVITIES, REPEAT_CONTEXTS
from vqvae_jax.entropy.frequencies import frequencies, starts
from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.errors import UserError


class TableArrays(NamedTuple):
    """What is stored of a level's tables; K codes."""

    activity: np.ndarray  # [K] uint8, class of a code by how often it is repeated
    repeat: np.ndarray  # [REPEAT_CONTEXTS] uint16, 1 ... 2**16 - 1: probability of a repeat in 2**-16
    previous_rows: np.ndarray  # [K] uint16, row of `previous_costs` by the index one step earlier
    previous_costs: np.ndarray  # [R, K] uint8, sixteenths of a bit
    first_rows: np.ndarray  # [K + 1] uint16, row of `first_costs` by the neighbour; K for none
    first_costs: np.ndarray  # [S, K] uint8


class LevelTables:
    """`TableArrays` made ready for coding.

    Raises:
      UserError: if the arrays contradict each other; names the array.
    """

    def __init__(self, arrays: TableArrays) -> None:
        check_arrays(arrays)
        self.arrays = arrays
        self.codes = len(arrays.activity)
        self.repeat = arrays.repeat.tolist()

    @cached_property
    def previous_starts(self) -> np.ndarray:
        """[R, K + 1] int64, cumulative frequencies."""
        return starts(frequencies(self.arrays.previous_costs))

    @cached_property
    def first_starts(self) -> np.ndarray:
        """[S, K + 1] int64, cumulative frequencies."""
        return starts(frequencies(self.arrays.first_costs))

    @cached_property
    def given_previous(self) -> "StartLists":
        """Cumulative frequencies by the index one step earlier."""
        return StartLists(self.previous_starts, self.arrays.previous_rows)

    @cached_property
    def given_neighbour(self) -> "StartLists":
        """Cumulative frequencies by the neighbour in a grid's first step; `codes` for none."""
        return StartLists(self.first_starts, self.arrays.first_rows)


# One object per number: 1024 rows of 1024 codes take 8 MB instead of 40, and stay in the cache where a decoder bisects.
_NUMBERS = list(range(SCALE + 1))


class StartLists(dict[int, list[int]]):
    """Cumulative frequencies by context, as lists for a decoder to bisect; each is made when first asked for."""

    def __init__(self, starts_RK: np.ndarray, row_of_context: np.ndarray) -> None:
        super().__init__()
        self._starts, self._row_of_context = starts_RK, row_of_context.tolist()
        self._of_row: dict[int, list[int]] = {}

    def __missing__(self, context: int) -> list[int]:
        row = self._row_of_context[context]
        if row not in self._of_row:
            self._of_row[row] = [_NUMBERS[start] for start in self._starts[row].tolist()]
        self[context] = self._of_row[row]
        return self[context]


def check_arrays(arrays: TableArrays) -> None:
    """Raises a `UserError` unless shapes, types and ranges are those that `TableArrays` states."""
    codes = arrays.activity.size
    expected: Mapping[str, tuple[type, tuple[int, ...]]] = {
        "activity": (np.uint8, (codes,)),
        "repeat": (np.uint16, (REPEAT_CONTEXTS,)),
        "previous_rows": (np.uint16, (codes,)),
        "previous_costs": (np.uint8, (arrays.previous_costs.size // max(codes, 1), codes)),
        "first_rows": (np.uint16, (codes + 1,)),
        "first_costs": (np.uint8, (arrays.first_costs.size // max(codes, 1), codes)),
    }
    for name, (dtype, shape) in expected.items():
        array = getattr(arrays, name)
        if array.dtype != dtype or array.shape != shape or not array.size:
            raise UserError(f"entropy tables: {name} is {array.dtype}{array.shape}, not {np.dtype(dtype)}{shape}")
    limits = {
        "activity": ACTIVITIES,
        "previous_rows": len(arrays.previous_costs),
        "first_rows": len(arrays.first_costs),
    }
    for name, limit in limits.items():
        if getattr(arrays, name).max() >= limit:
            raise UserError(f"entropy tables: {name} points beyond the {limit} there are")
    if arrays.repeat.min() < 1:
        raise UserError("entropy tables: a repeat of probability 0")
    if codes > SCALE // 2:
        raise UserError(f"entropy tables: {codes} codes are more than the coder's {SCALE // 2}")
