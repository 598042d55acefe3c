"""What is already decoded, boiled down to a number: for encoder and fitting over whole grids at once.

An index is coded in two steps. First whether it repeats the co-located index one step earlier (about half of them do),
in the context of what its neighbours did; then, if not, which other index it is: given everything known around it
(`order`, `context_model`), or with pair tables given that earlier one. The first step of a grid has no earlier one:
there pair tables lean on the left neighbour (in the first column the upper one).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.errors import UserError

NONE = 2  # "there is no such neighbour", beside 0 (changed) and 1 (repeated)
ACTIVITIES = 8  # classes of codes by how often they are repeated
REPEAT_CONTEXTS = ACTIVITIES * 3**5

Expected = Mapping[str, tuple[type, tuple[int, ...]]]  # type and shape by name


def repeats(indices_THW: np.ndarray) -> np.ndarray:
    """Whether each index equals the co-located one a step earlier: uint8 [T - 1, H, W]."""
    return (indices_THW[1:] == indices_THW[:-1]).astype(np.uint8)


def base_contexts(
    previous_HW: np.ndarray, past_HW: np.ndarray, coarse_HW: np.ndarray, activity_K: np.ndarray
) -> np.ndarray:
    """The part of the repeat contexts of one step that does not depend on that step itself, int64 [H, W].

    Args:
      previous_HW: indices one step earlier.
      past_HW: whether those repeated theirs; NONE at the second step of a grid.
      coarse_HW: whether the co-located index of the coarser level repeated; NONE where there is none.
      activity_K: class of each code, 0 ... ACTIVITIES - 1.
    """
    return ((activity_K[previous_HW].astype(np.int64) * 3 + past_HW) * 3 + coarse_HW) * 27


def with_neighbours(base: np.ndarray, flags_HW: np.ndarray) -> np.ndarray:
    """`base` plus what the left, upper and upper right neighbours of the same step did: [H, W] context numbers."""
    around = np.pad(flags_HW, ((1, 0), (1, 1)), constant_values=NONE).astype(np.int64)
    return base + around[1:, :-2] * 9 + around[:-1, 1:-1] * 3 + around[:-1, 2:]


def repeat_contexts(indices_THW: np.ndarray, coarse_THW: np.ndarray, activity_K: np.ndarray) -> np.ndarray:
    """Context of every repeat flag of a grid: int64 [T - 1, H, W] in [0, REPEAT_CONTEXTS).

    Args:
      coarse_THW: from `coarse_repeats`.
    """
    flags = repeats(indices_THW)
    contexts = np.empty(flags.shape, np.int64)
    for step, now in enumerate(flags):
        past = flags[step - 1] if step else np.full_like(now, NONE)
        base = base_contexts(indices_THW[step], past, coarse_THW[step + 1], activity_K)
        contexts[step] = with_neighbours(base, now)
    return contexts


def repeat_chances(
    repeat: np.ndarray, activity_K: np.ndarray, indices_THW: np.ndarray, coarse_THW: np.ndarray | None
) -> np.ndarray:
    """Probability, in units of 2**-16, that each index repeats the earlier one: int64 [T - 1, H, W]."""
    contexts = repeat_contexts(indices_THW, coarse_repeats(coarse_THW, indices_THW.shape), activity_K)
    return repeat[contexts].astype(np.int64)


def coarse_repeats(coarse_thw: np.ndarray | None, shape: tuple[int, int, int]) -> np.ndarray:
    """Whether the coarser level's index repeated, brought to a finer grid of `shape`: uint8 [T, H, W].

    NONE without a coarser level, and during its first step.
    """
    if coarse_thw is None:
        return np.full(shape, NONE, np.uint8)
    flags = np.concatenate([np.full((1, *coarse_thw.shape[1:]), NONE, np.uint8), repeats(coarse_thw)])
    return co_located(flags, shape, NONE)


def co_located(coarse_thw: np.ndarray | None, shape: tuple[int, int, int], none: int) -> np.ndarray:
    """A coarser grid brought to a finer one of `shape`: [T, H, W]; `none` everywhere without one.

    Along each axis position i of n lies at i // ceil(n / m) of the m of the coarser grid.
    """
    if coarse_thw is None:
        return np.full(shape, none)
    for axis, size in enumerate(shape):
        coarse_thw = np.repeat(coarse_thw, -(-size // coarse_thw.shape[axis]), axis=axis).take(range(size), axis=axis)
    return coarse_thw


def first_neighbours(indices_HW: np.ndarray, none: int) -> np.ndarray:
    """The already decoded neighbour of every index of a grid's first step: [H, W]; `none` at the first of all."""
    neighbours = np.empty_like(indices_HW, dtype=np.int64)
    neighbours[:, 1:] = indices_HW[:, :-1]
    neighbours[1:, 0] = indices_HW[:-1, 0]
    neighbours[0, 0] = none
    return neighbours


def check_shapes(what: str, arrays: Any, expected: Expected) -> None:
    """Raises a `UserError` that begins with `what` and names the first array of another type or shape, or without
    elements."""
    for name, (dtype, shape) in expected.items():
        array = getattr(arrays, name)
        if array.dtype != dtype or array.shape != shape or not array.size:
            raise UserError(f"{what}: {name} is {array.dtype}{array.shape}, not {np.dtype(dtype)}{shape}")


def check_flags(what: str, activity_K: np.ndarray, repeat: np.ndarray) -> None:
    """Raises a `UserError` unless classes, probabilities of repeats and the number of codes are within their ranges."""
    if activity_K.max() >= ACTIVITIES:
        raise UserError(f"{what}: activity points beyond the {ACTIVITIES} there are")
    if repeat.min() < 1:
        raise UserError(f"{what}: a repeat of probability 0")
    if len(activity_K) > SCALE // 2:
        raise UserError(f"{what}: {len(activity_K)} codes are more than the coder's {SCALE // 2}")
