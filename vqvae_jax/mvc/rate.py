"""What a bit is worth in the last part of a fit, if it is to come out at a wished-for rate.

The constraint's Lagrange multiplier follows the error in proportion and in sum, both of logarithms: a dual ascent, with
the proportional part against swinging (PID Lagrangian methods, Stooke et al. 2020). Its state is one number.
"""

import jax.numpy as jnp
from jax import Array, lax

PROPORTIONAL = 4.0  # to the logarithm of the weight, of the logarithm of the error
INTEGRAL = 40.0  # the same, of the error over the whole part
MOST_ERROR = 0.5  # so that a far-off start cannot wind the sum up


def error(bpp: Array, wished: float) -> Array:
    """By how much there are too many bits: a natural logarithm, bounded, without gradient."""
    return lax.stop_gradient(jnp.clip(jnp.log(bpp / wished), -MOST_ERROR, MOST_ERROR))


def weight(log_rate: Array, bpp: Array, wished: float) -> Array:
    """Of a bit per pixel in the objective, now."""
    return jnp.exp(log_rate + PROPORTIONAL * error(bpp, wished))


def steered(log_rate: Array, bpp: Array, wished: float, steps: int) -> Array:
    """The state after one of so many steps."""
    return log_rate + INTEGRAL / steps * error(bpp, wished)
