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
        self._previous_rows = arrays.previous_rows.tolist()
        self._first_rows = arrays.first_rows.tolist()
        self._previous_lists: dict[int, list[int]] = {}
        self._first_lists: dict[int, list[int]] = {}

    @cached_property
    def previous_starts(self) -> np.ndarray:
        """[R, K + 1] int64, cumulative frequencies."""
        return starts(frequencies(self.arrays.previous_costs))

    @cached_property
    def first_starts(self) -> np.ndarray:
        """[S, K + 1] int64, cumulative frequencies."""
        return starts(frequencies(self.arrays.first_costs))

    def given_previous(self, index: int) -> list[int]:
        """Cumulative frequencies after this index one step earlier, as a list: a decoder bisects it."""
        row = self._previous_rows[index]
        if row not in self._previous_lists:
            self._previous_lists[row] = self.previous_starts[row].tolist()
        return self._previous_lists[row]

    def given_neighbour(self, index: int) -> list[int]:
        """Cumulative frequencies beside this neighbour in a grid's first step; `codes` for none."""
        row = self._first_rows[index]
        if row not in self._first_lists:
            self._first_lists[row] = self.first_starts[row].tolist()
        return self._first_lists[row]


def check_arrays(arrays: TableArrays) -> None:
    """Raises a `UserError` unless shapes, types and ranges are those that `TableArrays` states."""
    codes = len(arrays.activity)
    expected: Mapping[str, tuple[type, tuple[int, ...]]] = {
        "activity": (np.uint8, (codes,)),
        "repeat": (np.uint16, (REPEAT_CONTEXTS,)),
        "previous_rows": (np.uint16, (codes,)),
        "previous_costs": (np.uint8, (len(arrays.previous_costs), codes)),
        "first_rows": (np.uint16, (codes + 1,)),
        "first_costs": (np.uint8, (len(arrays.first_costs), codes)),
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
