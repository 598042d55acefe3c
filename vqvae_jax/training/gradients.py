"""Gradient of a global batch: over micro-batches on a device, then over devices."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.training.mapping import AXIS
from vqvae_jax.training.state import PyTree


class Aux(NamedTuple):
    """What a loss tells besides its value."""

    means: PyTree  # averaged over micro-batches and devices: loss terms
    sums: PyTree  # summed: statistics, histograms
    samples: PyTree  # [n, ...] each, put behind one another


class GlobalGradients(NamedTuple):
    """What a global batch says, the same on every device."""

    params: PyTree  # mean gradient
    aux: Aux


def global_gradients(
    loss: Callable[[PyTree, PyTree], tuple[Array, Aux]], params: PyTree, batch: PyTree, microbatches: int = 1
) -> GlobalGradients:
    """Gradient and aux of the global batch; runs per device inside the axis `AXIS`.

    Args:
      loss: of (params, batch), a mean over the batch's clips, and its aux.
      batch: this device's share, any pytree of arrays with the clips on the leading axis.
      microbatches: parts in which it is processed to save memory; divides the leading axis.
    """

    def one(part: PyTree) -> tuple[PyTree, PyTree, PyTree, PyTree]:
        (_, aux), grads = jax.value_and_grad(loss, has_aux=True)(params, part)
        return grads, aux.means, aux.sums, aux.samples

    if microbatches == 1:
        grads, means, sums, samples = one(batch)
    else:
        parts = jax.tree.map(lambda a: a.reshape(microbatches, a.shape[0] // microbatches, *a.shape[1:]), batch)
        first = jax.eval_shape(one, jax.tree.map(lambda a: a[0], parts))
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), first[:3])

        def add(total: Any, part: PyTree) -> tuple[Any, PyTree]:
            out = one(part)
            return jax.tree.map(jnp.add, total, out[:3]), out[3]

        (grads, means, sums), sampled = lax.scan(add, zeros, parts)
        samples = jax.tree.map(lambda s: s.reshape(-1, *s.shape[2:]), sampled)
        grads, means = jax.tree.map(lambda a: a / microbatches, (grads, means))

    grads, means = lax.pmean((grads, means), AXIS)
    sums = lax.psum(sums, AXIS)
    gathered = jax.tree.map(lambda s: lax.all_gather(s, AXIS, tiled=True), samples)
    return GlobalGradients(grads, Aux(means, sums, gathered))
