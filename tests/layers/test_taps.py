"""Gradients of kernels tap by tap, against XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from vqvae_jax.layers.conv2d import UpConv2D
from vqvae_jax.layers.conv3d import convolve_frames
from vqvae_jax.layers.taps import Geometry, convolution, convolution_by_taps, seen_by_taps
from vqvae_jax.target import tracing_for


def normal(seed, shape, dtype=jnp.float32):
    return jax.random.normal(jax.random.key(seed), shape, dtype)


@pytest.mark.parametrize(
    ("sides", "strides", "padding"),
    [
        ((2, 2), (1, 1), ((1, 1), (1, 1))),
        ((3, 3), (1, 1), ((1, 1), (1, 1))),
        ((4, 2), (2, 3), ((1, 2), (0, 1))),
        ((1, 1), (2, 2), ((0, 0), (0, 0))),
    ],
)
def test_values_and_gradients_are_xlas(sides, strides, padding):
    geometry = Geometry(strides, padding, lax.Precision.HIGHEST)
    x, kernel = normal(0, (3, 6, 8, 5)), normal(1, (*sides, 5, 7))
    plain, pull_plain = jax.vjp(lambda x, k: convolution(geometry, x, k), x, kernel)
    ours, pull = jax.vjp(lambda x, k: convolution_by_taps(geometry, x, k), x, kernel)
    np.testing.assert_array_equal(ours, plain)
    above = normal(2, ours.shape)
    for mine, theirs in zip(pull(above), pull_plain(above), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def test_taps_see_what_a_convolution_sums():
    x = normal(0, (1, 5, 6, 2))
    taps = seen_by_taps(x, (2, 3), (2, 1), ((1, 0), (1, 1)))
    assert [tap.shape for tap in taps] == [(1, 3, 6, 2)] * 6
    kernel = normal(1, (2, 3, 2, 4))
    total = sum(tap @ kernel[index // 3, index % 3] for index, tap in enumerate(taps))
    expected = convolution(Geometry((2, 1), ((1, 0), (1, 1)), lax.Precision.HIGHEST), x, kernel)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-5)


def test_in_bfloat16_the_kernel_s_gradient_is_summed_in_float32():
    """4,096 products of one, which bfloat16 cannot count."""
    geometry = Geometry((1, 1), ((0, 0), (0, 0)), None)
    x, kernel = jnp.ones((1, 64, 64, 1), jnp.bfloat16), jnp.ones((1, 1, 1, 1), jnp.bfloat16)
    gradient = jax.grad(lambda k: jnp.sum(convolution_by_taps(geometry, x, k).astype(jnp.float32)))(kernel)
    assert gradient.dtype == jnp.bfloat16 and float(gradient[0, 0, 0, 0]) == 4096


@pytest.mark.parametrize(("sides", "by_taps"), [((2, 2), True), ((3, 3), False)])
def test_kernels_with_even_sides_are_trained_by_taps_on_a_cpu_alone(sides, by_taps):
    x, kernel = normal(0, (1, 2, 4, 4, 3)), normal(1, (*sides, 3, 5))

    def back(kernel):
        return jax.grad(lambda k: jnp.sum(jnp.square(convolve_frames(x, k, (1, 1), [(1, 1), (1, 1)]))))(kernel)

    def products():
        return str(jax.make_jaxpr(lambda k: back(k))(kernel)).count("dot_general[")

    assert products() == (4 if by_taps else 0)
    with tracing_for("gpu"):
        assert products() == 0


def test_what_goes_up_by_two_has_no_kernel_as_large_as_the_picture():
    x, module = normal(0, (1, 16, 16, 3)), UpConv2D(4)
    weights = module.init(jax.random.key(1), x)
    back = jax.jit(jax.grad(lambda w: jnp.sum(jnp.square(module.apply(w, x)))))
    assert "size=16x16" not in back.lower(weights).compile().as_text()
