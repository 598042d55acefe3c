"""Latents whose distribution depends on their channel alone (Balle et al. 2018, appendix 6.1)."""

import math
from itertools import pairwise

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.envc.mixture import LEAST_CHANCE
from vqvae_jax.layers.bound import bounded
from vqvae_jax.layers.weight import weight
from vqvae_jax.precision import EXACT, DType

_WIDTHS = (1, 3, 3, 3, 1)
_SCALE = 10.0  # about how wide a distribution is at first, in steps of the quantiser


class Factorized(nn.Module):
    """A distribution function for each channel: monotonous, of 43 parameters."""

    channels: int

    def setup(self) -> None:
        layers, constant = len(_WIDTHS) - 1, nn.initializers.constant
        self.layers = [
            (
                weight(self, f"matrix_{n}", constant(matrix_of(_SCALE, n)), (self.channels, out, into)),
                weight(self, f"bias_{n}", _half, (self.channels, out, 1)),
                weight(self, f"factor_{n}", nn.initializers.zeros, (self.channels, out, 1)) if n < layers - 1 else None,
            )
            for n, (into, out) in enumerate(pairwise(_WIDTHS))
        ]

    def logits(self, z_BhwC: Array) -> Array:
        """Logits of the distribution functions, shaped as their arguments; channels last."""
        x = z_BhwC.reshape(-1, self.channels).T[:, None]  # [C, 1, N]
        for matrix, bias, factor in self.layers:
            x = jnp.matmul(jax.nn.softplus(matrix), x, precision=EXACT) + bias
            if factor is not None:
                x = x + jnp.tanh(factor) * jnp.tanh(x)
        return x[:, 0].T.reshape(z_BhwC.shape)

    def __call__(self, z_BhwC: Array) -> Array:
        """Bits of each latent, whole or with uniform noise: float32, shaped as they are."""
        lower, upper = self.logits(z_BhwC - 0.5), self.logits(z_BhwC + 0.5)
        # In the half where differences of sigmoids lose no digits.
        sign = lax.stop_gradient(jnp.where(lower + upper > 0, -1.0, 1.0))
        chance = jnp.abs(jax.nn.sigmoid(sign * upper) - jax.nn.sigmoid(sign * lower))
        return -jnp.log2(bounded(chance, LEAST_CHANCE, 2.0))


def matrix_of(scale: float, layer: int) -> float:
    """What all entries of a layer's matrix are at first, for distributions about so wide."""
    return math.log(math.expm1(scale ** (-1 / (len(_WIDTHS) - 1)) / _WIDTHS[layer + 1]))


def _half(key: Array, shape: tuple[int, ...], dtype: DType = jnp.float32) -> Array:
    return jax.random.uniform(key, shape, dtype, -0.5, 0.5)
