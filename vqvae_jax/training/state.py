"""Everything that a train step changes, in one pytree."""

from typing import Any, NamedTuple

import jax
from jax import Array

from vqvae_jax.quantization.codebook import Codebook

PyTree = Any


class TrainState(NamedTuple):
    """State of a run between two steps. Same layout on one device and on many (replicated)."""

    step: Array  # [] int32, steps done
    params: PyTree  # float32
    codebooks: dict[str, Codebook]  # by level; moved by EMA, never by gradients
    opt_state: PyTree
    ema_params: PyTree | None  # moving average of `params`, if asked for
    perceptual_weight: Array  # [] float32, what multiplies the perceptual loss; fixed at the start of the run

    @property
    def eval_params(self) -> PyTree:
        """The weights to evaluate and export: the moving average where there is one."""
        return self.params if self.ema_params is None else self.ema_params


def parameter_count(tree: PyTree) -> int:
    """Number of scalars in a pytree of arrays or shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
