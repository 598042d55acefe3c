"""The tables by which a level's indices are coded. They travel with the model and are the same on every machine."""

from array import array
from functools import cached_property
from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.frequencies import frequencies, starts
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.contexts import REPEAT_CONTEXTS, Expected, check_flags, check_shapes


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
    def given_previous(self) -> "FlatRows":
        """Cumulative frequencies by the index one step earlier."""
        return FlatRows(self.previous_starts, self.arrays.previous_rows)

    @cached_property
    def given_neighbour(self) -> "FlatRows":
        """Cumulative frequencies by the neighbour in a grid's first step; `codes` for none."""
        return FlatRows(self.first_starts, self.arrays.first_rows)


class FlatRows:
    """Cumulative frequencies as a decoder bisects them: one flat array, and where each context's row begins in it.

    An `array` of 32-bit integers takes an eighth of the memory of lists, stays in the cache, and costs nothing to make.
    """

    def __init__(self, starts_RK: np.ndarray, row_of_context: np.ndarray) -> None:
        self.starts = array("I", starts_RK.astype(np.uint32).tobytes())
        self.offsets: list[int] = (row_of_context.astype(np.int64) * starts_RK.shape[1]).tolist()


def check_arrays(arrays: TableArrays) -> None:
    """Raises a `UserError` unless shapes, types and ranges are those that `TableArrays` states."""
    codes = arrays.activity.size
    expected: Expected = {
        "activity": (np.uint8, (codes,)),
        "repeat": (np.uint16, (REPEAT_CONTEXTS,)),
        "previous_rows": (np.uint16, (codes,)),
        "previous_costs": (np.uint8, (arrays.previous_costs.size // max(codes, 1), codes)),
        "first_rows": (np.uint16, (codes + 1,)),
        "first_costs": (np.uint8, (arrays.first_costs.size // max(codes, 1), codes)),
    }
    check_shapes("entropy tables", arrays, expected)
    check_flags("entropy tables", arrays.activity, arrays.repeat)
    for name, limit in {"previous_rows": len(arrays.previous_costs), "first_rows": len(arrays.first_costs)}.items():
        if getattr(arrays, name).max() >= limit:
            raise UserError(f"entropy tables: {name} points beyond the {limit} there are")
