"""Numbers rounded to whole ones, which gradients do not notice, and the units that weights are whole numbers of."""

import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.ntc.fixed_point import WEIGHT_LIMIT


def rounded(x: Array) -> Array:
    """To the nearest whole number, halves up; the gradient is that of x."""
    return x + lax.stop_gradient(jnp.floor(x + 0.5) - x)


def whole(kernel: Array, unit: Array) -> Array:
    """Weights as whole numbers of `unit` within +-127; the gradient is that of kernel / unit."""
    return jnp.clip(rounded(kernel / unit), -WEIGHT_LIMIT, WEIGHT_LIMIT)


def layer_unit(kernel: Array) -> Array:
    """The least power of two of which no weight has more than 127."""
    largest = jnp.maximum(jnp.max(jnp.abs(lax.stop_gradient(kernel))), 1e-6)
    # Not by logarithms and powers, whose last digits are not the same everywhere.
    part, exponent = jnp.frexp(largest / WEIGHT_LIMIT)
    return jnp.ldexp(jnp.float32(1), exponent - (part == 0.5))
