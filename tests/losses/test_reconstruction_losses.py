"""Reconstruction and commitment losses against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.losses.terms import commitment, l1, l2

torch = pytest.importorskip("torch", reason="torch is the outside reference")


@pytest.mark.parametrize(
    ("ours", "theirs"), [(l2, torch.nn.functional.mse_loss), (l1, torch.nn.functional.l1_loss)], ids=["l2", "l1"]
)
def test_value_and_gradient_equal_torch(ours, theirs):
    x, x_hat = np.random.default_rng(0).random((2, 2, 3, 4, 5, 3), dtype=np.float32)
    value, gradient = jax.value_and_grad(ours, argnums=1)(x, x_hat)
    estimate = torch.from_numpy(x_hat).requires_grad_()
    reference = theirs(estimate, torch.from_numpy(x))
    reference.backward()
    assert value == pytest.approx(reference.item(), rel=1e-6)
    np.testing.assert_allclose(gradient, estimate.grad, rtol=1e-5)


def test_bfloat16_inputs_are_reduced_in_float32():
    x = jnp.zeros((1, 64, 64, 64, 3), jnp.bfloat16)
    assert l2(x, x + jnp.bfloat16(0.5)) == 0.25 and l2(x, x).dtype == jnp.float32


def test_commitment_averages_over_width_too_and_moves_only_the_encoder():
    z, q = np.random.default_rng(1).standard_normal((2, 2, 4, 4, 4, 8)).astype(np.float32)
    value, (to_z, to_q) = jax.value_and_grad(commitment, argnums=(0, 1))(z, q)
    encoder = torch.from_numpy(z).requires_grad_()
    reference = torch.nn.functional.mse_loss(encoder, torch.from_numpy(q))
    reference.backward()
    assert value == pytest.approx(reference.item(), rel=1e-6)
    np.testing.assert_allclose(to_z, encoder.grad, rtol=1e-5)
    assert not np.any(to_q)
