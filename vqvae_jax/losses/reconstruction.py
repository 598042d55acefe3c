"""Reconstruction losses on video in [0, 1]."""

import jax.numpy as jnp
from jax import Array


def l2(x: Array, x_hat: Array) -> Array:
    """Squared error on [0, 1], mean over all elements, [] float32. PSNR is about -10 log10 of it."""
    return jnp.mean(jnp.square(x_hat.astype(jnp.float32) - x.astype(jnp.float32)))


def l1(x: Array, x_hat: Array) -> Array:
    """Absolute error on [0, 1], mean over all elements, [] float32."""
    return jnp.mean(jnp.abs(x_hat.astype(jnp.float32) - x.astype(jnp.float32)))


RECONSTRUCTIONS = {"l2": l2, "l1": l1}
