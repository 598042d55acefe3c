"""Conv3D: three lowerings, one operation; torch as the outside reference."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.layers import conv3d
from vqvae_jax.layers.conv3d import Conv3D, convolve, same_padding

CASES = [
    # kernel, strides, groups, size
    ((3, 3, 3), (1, 1, 1), 1, (4, 6, 6)),
    ((3, 3, 3), (2, 2, 2), 1, (4, 6, 8)),
    ((3, 4, 4), (1, 2, 2), 1, (3, 8, 4)),
    ((4, 4, 4), (2, 2, 2), 1, (4, 4, 6)),
    ((1, 3, 3), (1, 1, 1), 2, (3, 4, 4)),
    ((3, 1, 1), (1, 1, 1), 1, (5, 2, 2)),
    ((3, 1, 1), (1, 1, 1), 2, (5, 2, 2)),
    ((3, 3, 3), (2, 2, 2), 4, (4, 4, 4)),
    ((1, 1, 1), (1, 1, 1), 1, (2, 3, 3)),
    ((1, 1, 1), (2, 2, 2), 1, (4, 4, 4)),
    ((3, 3, 3), (4, 1, 1), 1, (8, 3, 3)),
]


def normal(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def inputs(kernel, groups, size, channels=4, features=8):
    return normal(0, (2, *size, channels)), normal(1, (*kernel, channels // groups, features))


@partial(jax.jit, static_argnums=(3, 4, 5))
def value_and_gradients(x, w, upstream, strides, groups, lowering):
    y, pull = jax.vjp(lambda x, w: convolve(x, w, strides, groups, lowering), x, w)
    return y, *pull(upstream)


@pytest.mark.parametrize(("kernel", "strides", "groups", "size"), CASES)
def test_lowerings_equal_torch_conv3d_in_value_and_gradients(kernel, strides, groups, size):
    torch = pytest.importorskip("torch", reason="torch is the reference")
    x, w = inputs(kernel, groups, size)
    upstream = normal(2, (2, *(n // s for n, s in zip(size, strides, strict=True)), 8))

    x_t = torch.tensor(x.transpose(0, 4, 1, 2, 3), requires_grad=True)
    w_t = torch.tensor(w.transpose(4, 3, 0, 1, 2), requires_grad=True)
    # Torch pads both sides alike and lists the last axis first.
    pads = [side for pair in reversed(same_padding(kernel, strides)) for side in pair]
    y_t = torch.nn.functional.conv3d(torch.nn.functional.pad(x_t, pads), w_t, stride=strides, groups=groups)
    y_t.backward(torch.tensor(upstream.transpose(0, 4, 1, 2, 3)))

    expected = [
        y_t.detach().numpy().transpose(0, 2, 3, 4, 1),
        x_t.grad.numpy().transpose(0, 2, 3, 4, 1),
        w_t.grad.numpy().transpose(2, 3, 4, 1, 0),
    ]
    for lowering in ("direct", "concat", "sum"):
        for ours, theirs in zip(value_and_gradients(x, w, upstream, strides, groups, lowering), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max(), err_msg=lowering)


def test_auto_is_the_fast_lowering_of_the_platform():
    x, w = inputs((3, 3, 3), 1, (2, 3, 3))
    primitive = str(jax.make_jaxpr(lambda x, w: convolve(x, w, (1, 1, 1)))(x, w))
    spatial = 2 if jax.default_backend() == "cpu" else 3
    assert f"window_strides={(1,) * spatial}" in primitive


def test_module_adds_its_bias():
    x, w = inputs((3, 3, 3), 1, (2, 3, 3))
    bias = normal(3, (8,))
    y = Conv3D(8).apply({"params": {"kernel": w, "bias": bias}}, x)
    np.testing.assert_allclose(y, convolve(x, w, (1, 1, 1)) + bias, rtol=1e-6)


def test_module_computes_in_its_type_and_keeps_parameters_in_float32():
    x = jnp.asarray(inputs((3, 3, 3), 1, (2, 3, 3))[0])
    module = Conv3D(8, dtype=jnp.bfloat16)
    y, variables = jax.eval_shape(lambda x: module.init_with_output(jax.random.key(0), x), x)
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 1, (1, 1)), (3, 2, (0, 1)), (4, 2, (1, 1)), (1, 2, (0, 0))]
)
def test_padding_depends_on_kernel_and_stride_alone(kernel, stride, padding):
    assert same_padding([kernel], [stride]) == [padding]
    for size in range(stride, 9 * stride, stride):
        assert (size + sum(padding) - kernel) // stride + 1 == size // stride


@pytest.mark.parametrize(("positions", "convolutions"), [(2048, 1), (24, 5), (12, 10), (1, 10)])
def test_few_pictures_at_once_on_a_cpu_are_the_same_convolution(monkeypatch, positions, convolutions):
    """Ten pictures of twelve output positions each."""
    monkeypatch.setattr(conv3d, "POSITIONS", positions)
    x, w, upstream = normal(0, (2, 5, 6, 8, 4)), normal(1, (1, 3, 3, 4, 8)), normal(2, (2, 5, 3, 4, 8))

    def both(lowering):
        y, pull = jax.vjp(lambda x, w: convolve(x, w, (1, 2, 2), 1, lowering), x, w)
        return y, *pull(upstream)

    program = str(jax.make_jaxpr(lambda x, w: convolve(x, w, (1, 2, 2)))(x, w))
    assert program.count("conv_general_dilated[") == convolutions
    for parted, whole in zip(both("concat"), both("direct"), strict=True):
        np.testing.assert_allclose(parted, whole, rtol=1e-4, atol=1e-4)


def test_of_many_pictures_no_more_parts_are_made_than_allowed(monkeypatch):
    monkeypatch.setattr(conv3d, "MOST_PARTS", 3)
    x, w = normal(0, (1, 10, 64, 64, 1)), normal(1, (1, 3, 3, 1, 1))
    program = str(jax.make_jaxpr(lambda x, w: convolve(x, w, (1, 1, 1)))(x, w))
    assert program.count("conv_general_dilated[") == 3


def test_no_pictures_are_none():
    assert convolve(jnp.zeros((0, 2, 4, 4, 3)), jnp.zeros((1, 3, 3, 3, 5)), (1, 1, 1)).shape == (0, 2, 4, 4, 5)
