"""Reconstruction losses on video in [0, 1], and the commitment loss of a VQ-VAE."""

import jax.numpy as jnp
from jax import Array, lax


def l2(x: Array, x_hat: Array) -> Array:
    """Squared error on [0, 1], mean over all elements, [] float32. PSNR is about -10 log10 of it."""
    return jnp.mean(jnp.square(x_hat.astype(jnp.float32) - x.astype(jnp.float32)))


def l1(x: Array, x_hat: Array) -> Array:
    """Absolute error on [0, 1], mean over all elements, [] float32."""
    return jnp.mean(jnp.abs(x_hat.astype(jnp.float32) - x.astype(jnp.float32)))


RECONSTRUCTIONS = {"l2": l2, "l1": l1}


def commitment(z: Array, q: Array) -> Array:
    """|z - sg(q)|^2, mean over all elements, width included (van den Oord et al. 2017, eq. 3, third term).

    Pulls the encoder's vectors to the codes they chose; the codes themselves move by EMA, so no gradient reaches q.

    Args:
      z: [..., D] encoder output, any float type; compared in float32.
      q: [..., D] the chosen codebook rows.

    Returns:
      [] float32.
    """
    return jnp.mean(jnp.square(z.astype(jnp.float32) - lax.stop_gradient(q).astype(jnp.float32)))
