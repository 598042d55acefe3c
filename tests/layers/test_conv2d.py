"""2-D convolutions against torch, and against their definitions written out."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.layers.conv2d import CausalConv2D, Conv2D, UpConv2D
from vqvae_jax.layers.conv3d import within_loop
from vqvae_jax.target import tracing_for

KEY = jax.random.key(0)


def normal(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def made(module, x):
    """The module's output and its weights."""
    y, variables = module.init_with_output(KEY, x)
    return np.asarray(y), jax.tree.map(np.asarray, variables["params"])


def test_a_transposed_convolution_adds_each_input_to_sixteen_outputs():
    x = normal(0, (2, 3, 5, 4))
    y, weights = made(UpConv2D(6), x)
    expected = np.zeros((2, 2 * 3 + 2, 2 * 5 + 2, 6))
    for i in range(3):
        for j in range(5):
            added = np.einsum("bc,klcf->bklf", x[:, i, j], weights["kernel"])
            expected[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += added
    np.testing.assert_allclose(y, expected[:, 1:-1, 1:-1] + weights["bias"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (4, 2), ("up", 2)])
def test_convolutions_equal_torch_in_value_and_gradients(kernel, stride):
    torch = pytest.importorskip("torch", reason="torch is the reference")
    module = UpConv2D(6) if kernel == "up" else Conv2D(6, kernel, stride)
    x = normal(0, (2, 4, 6, 3))
    y, weights = made(module, x)
    upstream = normal(1, y.shape)
    (to_weights, to_x) = jax.vjp(lambda w, x: module.apply({"params": w}, x), weights, jnp.asarray(x))[1](upstream)

    # Torch wants transposed kernels as in, out, h, w, others as out, in, h, w.
    order = (2, 3, 0, 1) if kernel == "up" else (3, 2, 0, 1)
    x_t = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    w_t = torch.tensor(np.ascontiguousarray(weights["kernel"].transpose(order)), requires_grad=True)
    run = torch.nn.functional.conv_transpose2d if kernel == "up" else torch.nn.functional.conv2d
    y_t = run(x_t, w_t, torch.tensor(weights["bias"]), stride=stride, padding=0 if kernel == 1 else 1)
    y_t.backward(torch.tensor(upstream.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(y, y_t.detach().numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_x, x_t.grad.numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)
    back = np.argsort(order)
    np.testing.assert_allclose(to_weights["kernel"], w_t.grad.numpy().transpose(back), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2), ("up", 2)])
def test_in_a_loop_on_a_cpu_convolutions_are_products_and_equal(kernel, stride):
    module = UpConv2D(6) if kernel == "up" else Conv2D(6, kernel, stride)
    x = normal(0, (2, 4, 6, 3))
    weights = made(module, x)[1]

    def back(weights, x):
        return jax.value_and_grad(lambda w, x: jnp.sum(jnp.square(module.apply({"params": w}, x))), (0, 1))(weights, x)

    outside = back(weights, x)
    with within_loop():
        inside, program = back(weights, x), str(jax.make_jaxpr(back)(weights, x))
        with tracing_for("gpu"):
            assert "conv_general_dilated" in str(jax.make_jaxpr(lambda *given: back(*given))(weights, x))
    assert "conv_general_dilated" not in program
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), inside, outside)


def test_fresh_weights_are_torchs():
    for module, inputs in ((Conv2D(64), 9 * 32), (CausalConv2D(64), 25 * 32), (UpConv2D(64), 16 * 64)):
        _, weights = made(module, np.zeros((1, 4, 4, 32), np.float32))
        for name in ("kernel", "bias"):
            largest = np.abs(weights[name]).max()
            assert 0.9 / inputs**0.5 < largest <= 1 / inputs**0.5, (module, name)


def test_a_causal_convolution_sees_what_is_coded_before():
    x = normal(0, (1, 6, 7, 3))
    module = CausalConv2D(4)
    weights = module.init(KEY, x)
    reach = np.abs(jax.jacobian(lambda x: module.apply(weights, x)[0, 3, 3])(x)).sum(axis=(0, 1, 4))
    expected = np.zeros((6, 7), bool)
    expected[1:3, 1:6] = expected[3, 1:3] = True
    np.testing.assert_array_equal(reach > 0, expected)


def test_a_causal_convolution_of_single_surroundings_is_the_same():
    x = normal(0, (1, 4, 5, 3))
    module = CausalConv2D(4)
    weights = module.init(KEY, x)
    wide = np.pad(x[0], ((2, 2), (2, 2), (0, 0)))
    windows = np.stack([wide[i : i + 5, j : j + 5] for i in range(4) for j in range(5)])
    found = module.apply(weights, windows, windows=True)
    assert found.shape == (20, 1, 1, 4)
    np.testing.assert_allclose(found.reshape(1, 4, 5, 4), module.apply(weights, x), rtol=1e-5, atol=1e-6)
