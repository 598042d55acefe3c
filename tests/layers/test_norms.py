"""Per-position normalisation against torch, and what makes it per-position."""

import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.layers.blocks import ChannelNorm

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6)).astype(np.float32) * 3 + 1
SCALE = np.linspace(0.5, 2, 6, dtype=np.float32)
BIAS = np.linspace(-1, 1, 6, dtype=np.float32)


def test_rms_equals_torch():
    torch = pytest.importorskip("torch", reason="torch is the reference")
    expected = torch.nn.functional.rms_norm(torch.tensor(X), (6,), torch.tensor(SCALE), eps=1e-6)
    actual = ChannelNorm("rms").apply({"params": {"scale": SCALE}}, X)
    np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_layer_equals_torch():
    torch = pytest.importorskip("torch", reason="torch is the reference")
    expected = torch.nn.functional.layer_norm(torch.tensor(X), (6,), torch.tensor(SCALE), torch.tensor(BIAS), eps=1e-6)
    actual = ChannelNorm("layer").apply({"params": {"scale": SCALE, "bias": BIAS}}, X)
    np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["rms", "layer"])
def test_a_position_depends_on_itself_alone(kind):
    norm = ChannelNorm(kind)
    variables = {"params": {"scale": SCALE, "bias": BIAS}}
    changed = X.copy()
    changed[:, 1:] = 100.0
    np.testing.assert_array_equal(norm.apply(variables, changed)[:, 0], norm.apply(variables, X)[:, 0])


def test_statistics_are_float32_in_a_bfloat16_model():
    # Squares of 300 and of 1 in one mean: bfloat16 statistics would lose the small ones.
    x = jnp.asarray([300.0] + [1.0] * 255, jnp.bfloat16).reshape(1, 1, 1, 1, 256)
    y = ChannelNorm("rms", dtype=jnp.bfloat16).apply({"params": {"scale": jnp.ones(256)}}, x)
    assert y.dtype == jnp.bfloat16
    wide = np.asarray(x, np.float64)
    exact = wide / np.sqrt(np.mean(wide**2) + 1e-6)
    np.testing.assert_array_equal(np.asarray(y, np.float32), np.asarray(jnp.asarray(exact, jnp.bfloat16), np.float32))
