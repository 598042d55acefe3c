"""Values kept within bounds without losing the gradient that leads back."""

import jax
import jax.numpy as jnp
from jax import Array


@jax.custom_vjp
def bounded(x: Array, low: float, high: float) -> Array:
    """`clip(x, low, high)`; outside, gradients pass that a descent follows towards the bounds (Balle et al. 2018)."""
    return jnp.clip(x, low, high)


def _forward(x: Array, low: float, high: float) -> tuple[Array, tuple[Array, float, float]]:
    return jnp.clip(x, low, high), (x, low, high)


def _backward(saved: tuple[Array, float, float], gradient: Array) -> tuple[Array, None, None]:
    x, low, high = saved
    passes = ((x >= low) | (gradient < 0)) & ((x <= high) | (gradient > 0))
    return jnp.where(passes, gradient, 0), None, None


bounded.defvjp(_forward, _backward)
