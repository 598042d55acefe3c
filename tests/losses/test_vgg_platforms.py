"""The VGG-16 trunk as other platforms compute it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.losses.vgg import features
from vqvae_jax.target import traced_for


@pytest.mark.parametrize("size", [(16, 20), (17, 13)])
def test_what_a_tpu_computes_is_the_same(trunk, size):
    """Its maximum over windows hands a tie's gradient to one place alone; only zeros tie, and they have none."""

    def value_and_gradient(x):
        return jax.value_and_grad(lambda x: sum(jnp.mean(jnp.square(layer)) for layer in features(trunk, x)))(x)

    x = np.random.default_rng(0).random((2, *size, 3), dtype=np.float32)
    found, expected = (traced_for(name, value_and_gradient)(x) for name in ("tpu", "cpu"))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5 * np.abs(expected[1]).max())
