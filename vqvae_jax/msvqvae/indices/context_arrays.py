"""What is stored of a level's context model, and what it must be."""

from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.contexts import REPEAT_CONTEXTS, Expected, check_flags, check_shapes
from vqvae_jax.msvqvae.indices.order import GROUPS, NEIGHBOURS

HIDDEN_LIMIT = 1023
FLOAT32_INTEGERS = 1 << 24  # integers up to here are float32


class ContextArrays(NamedTuple):
    """What is stored of a level's context model; K codes, R hidden units."""

    activity: np.ndarray  # [K] uint8, class of a code by how often it is repeated
    repeat: np.ndarray  # [REPEAT_CONTEXTS] uint16, 1 ... 2**16 - 1: probability of a repeat in 2**-16
    neighbours: np.ndarray  # [NEIGHBOURS, K + 1, R] int8, by the neighbour's index; K for unknown
    coarse: np.ndarray  # [coarser level's K + 1, R] int8, by the co-located index; the last for none
    groups: np.ndarray  # [2, GROUPS, R] int16, in a grid's first step and in later ones
    output: np.ndarray  # [R, K] int8
    bias: np.ndarray  # [K] int32


def check_arrays(arrays: ContextArrays) -> None:
    """Raises a `UserError` unless shapes, types and ranges are those that `ContextArrays` states."""
    codes, hidden = arrays.activity.size, arrays.output.size // max(arrays.activity.size, 1)
    expected: Expected = {
        "activity": (np.uint8, (codes,)),
        "repeat": (np.uint16, (REPEAT_CONTEXTS,)),
        "neighbours": (np.int8, (NEIGHBOURS, codes + 1, hidden)),
        "coarse": (np.int8, (arrays.coarse.size // max(hidden, 1), hidden)),
        "groups": (np.int16, (2, GROUPS, hidden)),
        "output": (np.int8, (hidden, codes)),
        "bias": (np.int32, (codes,)),
    }
    check_shapes("context model", arrays, expected)
    check_flags("context model", arrays.activity, arrays.repeat)
    if hidden * HIDDEN_LIMIT * 128 + int(np.abs(arrays.bias.astype(np.int64)).max()) >= FLOAT32_INTEGERS:
        raise UserError(f"context model: {hidden} hidden units and this bias could sum to more than float32 counts")
