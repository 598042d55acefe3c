"""What the networks are made of, as functions of named weights.

Weights are a flat dictionary, `NAME.kernel` and `NAME.bias`: [inputs, outputs] of a linear layer, [kh, kw, inputs,
outputs] of a convolution.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.layers.conv3d import convolve_frames
from vqvae_jax.precision import DType

Weights = Mapping[str, Array]

EPSILON = 1e-5  # of InstanceNorm


def gelu(x: Array) -> Array:
    """x Phi(x), by the error function."""
    return jax.nn.gelu(x, approximate=False)


def linear(weights: Weights, name: str, x: Array) -> Array:
    """Over the last axis; some have no bias."""
    y = x @ weights[f"{name}.kernel"]
    return y + weights[f"{name}.bias"] if f"{name}.bias" in weights else y


def convolution(weights: Weights, name: str, x_BHWC: Array, dtype: DType = jnp.float32) -> Array:
    """Zeros outside, of odd size; [B, H, W, outputs] float32."""
    kernel = weights[f"{name}.kernel"].astype(dtype)
    reach = kernel.shape[0] // 2
    y = convolve_frames(x_BHWC.astype(dtype)[:, None], kernel, (1, 1), [(reach, reach)] * 2)[:, 0]
    return y.astype(jnp.float32) + weights[f"{name}.bias"]


def transformer(weights: Weights, name: str, x_BND: Array, heads: int) -> Array:
    """Attention and two linear layers, each beside its input: no norm, no dropout (Li et al. 2022)."""
    x = x_BND + attention(weights, f"{name}.attention", x_BND, heads)
    return x + linear(weights, f"{name}.down", gelu(linear(weights, f"{name}.up", x)))


def attention(weights: Weights, name: str, x_BND: Array, heads: int) -> Array:
    """Of tokens to one another, in `heads` heads; without an output layer where the weights have none."""
    batch, tokens, _ = x_BND.shape
    qkv = linear(weights, f"{name}.qkv", x_BND).reshape(batch, tokens, 3, heads, -1)
    q, k, v = (qkv[:, :, part] for part in range(3))
    scores = jnp.einsum("bnhd,bmhd->bhnm", q, k) * q.shape[-1] ** -0.5
    mixed = jnp.einsum("bhnm,bmhd->bnhd", jax.nn.softmax(scores, axis=-1), v).reshape(batch, tokens, -1)
    return linear(weights, f"{name}.out", mixed) if f"{name}.out.kernel" in weights else mixed


def instance_norm(x_BHWC: Array) -> Array:
    """Each channel of each frame to mean 0 and variance 1, in training and use alike."""
    mean = jnp.mean(x_BHWC, axis=(1, 2), keepdims=True)
    centred = x_BHWC - mean
    return centred * jax.lax.rsqrt(jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True) + EPSILON)


def pixel_shuffle(x_BHWC: Array, stride: int) -> Array:
    """[B, H, W, C s^2] -> [B, H s, W s, C]; channel c s^2 + dy s + dx goes to (dy, dx) of channel c, as in PyTorch."""
    batch, height, width, channels = x_BHWC.shape
    x = x_BHWC.reshape(batch, height, width, channels // stride**2, stride, stride)
    return x.transpose(0, 1, 4, 2, 5, 3).reshape(batch, height * stride, width * stride, channels // stride**2)
