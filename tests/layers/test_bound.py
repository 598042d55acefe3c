"""Bounds that let gradients back in."""

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.layers.bound import bounded


def test_outside_the_bounds_gradients_pass_that_lead_back_by_descent():
    x = jnp.asarray([-1.0, -1.0, 0.5, 0.5, 2.0, 2.0])
    upstream = jnp.asarray([3.0, -3.0, 3.0, -3.0, 3.0, -3.0])
    y, pull = jax.vjp(lambda x: bounded(x, 0.0, 1.0), x)
    np.testing.assert_array_equal(y, [0, 0, 0.5, 0.5, 1, 1])
    np.testing.assert_array_equal(pull(upstream)[0], [0, -3, 3, -3, 3, 0])


def test_an_open_end_bounds_nothing():
    y, pull = jax.vjp(lambda x: bounded(x, 0.0, jnp.inf), jnp.asarray([1e30]))
    assert y[0] == np.float32(1e30) and pull(jnp.asarray([-1.0]))[0][0] == -1
