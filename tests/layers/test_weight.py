"""Weights are made once, found again, and compared in shape."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.errors import ScopeParamNotFoundError, ScopeParamShapeError

from vqvae_jax.layers.weight import weight

MADE = []


class Line(nn.Module):
    """x + a bias of its own."""

    @nn.compact
    def __call__(self, x):
        def init(key, shape, dtype):
            MADE.append(shape)
            return jax.random.normal(key, shape, dtype)

        return x + weight(self, "bias", init, (x.shape[-1],))


def test_a_weight_is_made_once_and_its_initialiser_not_looked_at_again():
    MADE.clear()
    model, x = Line(), jnp.zeros((2, 3))
    variables = model.init(jax.random.key(0), x)
    assert variables["params"]["bias"].dtype == jnp.float32 and MADE == [(3,)]
    np.testing.assert_array_equal(model.apply(variables, x)[1], variables["params"]["bias"])
    assert MADE == [(3,)]


def test_a_weight_of_another_shape_or_none_is_refused():
    model = Line()
    variables = model.init(jax.random.key(0), jnp.zeros((2, 3)))
    with pytest.raises(ScopeParamShapeError):
        model.apply(variables, jnp.zeros((2, 4)))
    with pytest.raises(ScopeParamNotFoundError):
        model.apply({"params": {"other": jnp.zeros(3)}}, jnp.zeros((2, 3)))
