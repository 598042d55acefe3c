"""2-D convolution for a CPU, whose kernel has its gradient by matrix products.

XLA makes of that gradient a convolution by a kernel as large as the picture: where the sides of the one asked for are
even, and it has no stride, at a twentieth of the convolution's own speed (docs/results/envc.md, "On a CPU"). Here each
tap has a product of its own, of what it sees and the gradient of the output. For other kernels that saves nothing in a
whole model and needs three times the memory.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax


class Geometry(NamedTuple):
    """What a convolution is made with, besides its arrays."""

    strides: tuple[int, ...]  # of rows and columns
    padding: tuple[tuple[int, int], ...]  # zeros before and behind them
    precision: lax.Precision | None


def convolution(geometry: Geometry, x_BHWC: Array, kernel: Array) -> Array:
    """By kernel [kh, kw, C, O]; [B, H / sh, W / sw, O]."""
    return lax.conv_general_dilated(
        x_BHWC,
        kernel,
        geometry.strides,
        geometry.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=geometry.precision,
    )


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def convolution_by_taps(geometry: Geometry, x_BHWC: Array, kernel: Array) -> Array:
    """`convolution`, with another gradient of the kernel; it has derivatives backwards alone."""
    return convolution(geometry, x_BHWC, kernel)


def seen_by_taps(
    x_BHWC: Array, sides: Sequence[int], strides: Sequence[int], padding: Sequence[tuple[int, int]]
) -> list[Array]:
    """What each tap of a kernel sees, row by row: [B, H / sh, W / sw, C] each.

    Args:
      x_BHWC: input of the convolution.
      sides: of the kernel.
      strides: of rows and columns.
      padding: zeros before and behind them.
    """
    x = jnp.pad(x_BHWC, ((0, 0), *padding, (0, 0)))
    # Of an axis, from the first to the last place that a tap sees.
    rows, columns = ((size - k) // s * s + 1 for size, k, s in zip(x.shape[1:3], sides, strides, strict=True))
    return [
        x[:, i : i + rows : strides[0], j : j + columns : strides[1]] for i in range(sides[0]) for j in range(sides[1])
    ]


def _forwards(geometry: Geometry, x_BHWC: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return convolution(geometry, x_BHWC, kernel), (x_BHWC, kernel)


def _backwards(geometry: Geometry, saved: tuple[Array, Array], above_BHWO: Array) -> tuple[Array, Array]:
    x, kernel = saved
    _, by_input = jax.vjp(lambda given: convolution(geometry, given, kernel), x)
    product = partial(
        lax.dot_general,
        dimension_numbers=(((0,), (0,)), ((), ())),
        precision=geometry.precision,
        preferred_element_type=jnp.float32,
    )
    above = above_BHWO.reshape(-1, kernel.shape[3])
    taps = seen_by_taps(x, kernel.shape[:2], geometry.strides, geometry.padding)
    gradient = jnp.stack([product(tap.reshape(-1, kernel.shape[2]), above) for tap in taps])
    return *by_input(above_BHWO), gradient.reshape(kernel.shape).astype(kernel.dtype)


convolution_by_taps.defvjp(_forwards, _backwards)
