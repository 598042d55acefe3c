"""Everything that a train step changes, in one pytree."""

from typing import Any, NamedTuple

import jax
from jax import Array

PyTree = Any


class TrainState(NamedTuple):
    """State of a run between two steps. Same layout on one device and on many (replicated)."""

    step: Array  # [] int32, steps done
    params: PyTree  # float32
    opt_state: PyTree
    ema_params: PyTree | None  # moving average of `params`, if asked for
    extras: dict[str, PyTree]  # what gradients do not move, by name: codebooks, a loss's weight, a feature bank

    @property
    def eval_params(self) -> PyTree:
        """The weights to evaluate and export: the moving average where there is one."""
        return self.params if self.ema_params is None else self.ema_params


def parameter_count(tree: PyTree) -> int:
    """Number of scalars in a pytree of arrays or shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
