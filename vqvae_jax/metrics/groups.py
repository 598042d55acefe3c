"""Work on large arrays in the order and in the pieces that XLA's CPU compiler turns into fast loops."""

from collections.abc import Callable
from math import prod
from typing import Any

import jax
from jax import Array, lax
from jax.experimental.xla_metadata import set_xla_metadata

from vqvae_jax.target import platform

CACHED_VALUES = 400_000  # of one of the arrays, per group: a clip of 32x64x64x3


def over_groups(function: Callable[[Array, Array], Array], a: Array, b: Array) -> Array:
    """`function(a, b)` for a function that treats items along the first axis one by one, `a` and `b` of one shape.

    On a CPU groups of items follow one another: intermediate values of a whole batch would be written to fresh memory
    and read back, which takes several times as long (`benchmarks/metrics.py`). Other devices get everything at once.
    """
    if platform() != "cpu":
        return function(a, b)
    group = max(1, CACHED_VALUES // max(1, prod(a.shape[1:])))
    alone = apart(function)
    return lax.map(lambda pair: alone(pair[0][None], pair[1][None])[0], (a, b), batch_size=group)


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of arrays, compiled by itself on a CPU.

    XLA would fuse it with what comes before and after, compute shared values once for each of their uses, and give up
    on vector instructions. Results are the same.
    """
    if platform() != "cpu":
        return function

    def call(*arguments: Array) -> Any:
        with set_xla_metadata(inlineable="false"):
            return jax.jit(function)(*arguments)

    return call
