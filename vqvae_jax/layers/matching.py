"""Block matching: a guess at the motion between two pictures that an encoder can make without training."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

_SHARPNESS = 0.7  # of the soft minimum over displacements, per grey level of mean absolute difference
_GREY = (0.299, 0.587, 0.114)


class Match(NamedTuple):
    """Of blocks of a picture with the one before. Nothing is to be differentiated."""

    flow: Array  # [N, h, w, 2], pixels down and to the right
    best: Array  # [N, h, w, 1], mean absolute difference in grey levels at the best displacement
    still: Array  # [N, h, w, 1], the same without motion

    @property
    def certainty(self) -> Array:
        """Near 1 where something fits much better than no motion, [N, h, w, 1] in [0, 1]."""
        return jnp.clip(1.0 - self.best / (self.still + 1.0), 0.0, 1.0)


def match(
    before_NHWC: Array, pictures_NHWC: Array, reach: int, block: int, smooth: bool = True, repeated: bool = True
) -> Match:
    """Where blocks of pictures come from.

    Args:
      before_NHWC: the pictures before, in [-1, 1].
      pictures_NHWC: in [-1, 1], sides multiples of `block`.
      reach: greatest displacement in pixels, to either side, each axis.
      block: side in pixels; h = H / block.
      smooth: costs are means over neighbouring blocks too, which small ones need.
      repeated: outside of the picture before its edges are repeated; else there it is black.
    """
    number, height, width, _ = pictures_NHWC.shape
    rows, columns = height // block, width // block
    weights = jnp.array(_GREY, jnp.float32)
    grey, old = pictures_NHWC @ weights, before_NHWC @ weights
    span = 2 * reach + 1
    pool = jnp.repeat(jnp.eye(columns, dtype=jnp.float32), block, axis=0) / block**2
    around = (0, 0), (reach, reach), (reach, reach)
    padded = jnp.pad(old, around, mode="edge") if repeated else jnp.pad(old, around, constant_values=-1.0)

    def row(down: Array) -> Array:
        strip = lax.dynamic_slice_in_dim(padded, down, height, axis=1)
        shifted = jnp.stack([lax.slice_in_dim(strip, x, x + width, axis=2) for x in range(span)], axis=1)
        off = jnp.abs(shifted - grey[:, None])  # [N, X, H, W]
        # Means over blocks: a sum over rows and a product, for a sum over two axes that are not the last is slow.
        return off.reshape(number, span, rows, block, width).sum(axis=3) @ pool

    costs = jnp.moveaxis(lax.map(row, jnp.arange(span)), 0, 1).reshape(number, span * span, rows, columns)
    costs = (_smooth(costs) if smooth else costs) * 127.5  # in grey levels
    chance = jax.nn.softmax(-_SHARPNESS * costs, axis=1)
    away = jnp.arange(span, dtype=jnp.float32) - reach
    axes = jnp.repeat(away, span), jnp.tile(away, span)
    flow = jnp.stack([jnp.einsum("ndhw,d->nhw", chance, axis) for axis in axes], axis=-1)
    return Match(flow, jnp.min(costs, axis=1)[..., None], costs[:, span * reach + reach, ..., None])


def _smooth(costs_NDhw: Array) -> Array:
    """Weights 1 2 1 along both axes of the grid, edges repeated."""
    for axis in (2, 3):
        size = costs_NDhw.shape[axis]
        edge = [(1, 1) if a == axis else (0, 0) for a in range(4)]
        wide = jnp.pad(costs_NDhw, edge, mode="edge")
        before, here, after = (lax.slice_in_dim(wide, i, i + size, axis=axis) for i in range(3))
        costs_NDhw = 0.25 * before + 0.5 * here + 0.25 * after
    return costs_NDhw
