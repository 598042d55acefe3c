"""Latents as mixtures of three Gaussians (Cheng et al. 2020), from hyper latents and from those coded before them."""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.envc.blocks import ResBlock, act
from vqvae_jax.layers.bound import bounded
from vqvae_jax.layers.conv2d import CausalConv2D, Conv2D
from vqvae_jax.precision import EXACT

COMPONENTS = 3
LEAST_SCALE = 0.11  # of a Gaussian, in steps of the quantiser
LEAST_CHANCE = 1e-6  # of a value, by each component


class Mixture(NamedTuple):
    """Distributions of latents before they are integrated over a step of the quantiser."""

    weights: Array  # [B, h, w, 3, M] float32, of sum 1 over the three
    means: Array  # [B, h, w, 3, M] float32
    scales: Array  # [B, h, w, 3, M] float32, at least 0.11


class EntropyParameters(nn.Module):
    """Mixtures of latents of `latents` channels; a function of each position's inputs alone, in exact float32.

    With `ar` the inputs are what a causal convolution sees of the latents, and before all else that.
    """

    latents: int
    ar: bool

    @nn.compact
    def __call__(self, hyper_BhwH: Array | None, known_BhwM: Array | None, windows: bool = False) -> Mixture:
        """Mixtures of all positions, or of single ones.

        Args:
          hyper_BhwH: [B, h, w, 2 M] of a hyper synthesis; None for motion, which has none.
          known_BhwM: [B, h, w, M], whole latents or with noise; not looked at without `ar`.
          windows: `known` are N surroundings [N, 5, 5, M] of one position each, `hyper` is [N, 1, 1, 2 M].
        """
        seen = [] if hyper_BhwH is None else [hyper_BhwH]
        if self.ar:
            assert known_BhwM is not None
            seen.insert(0, CausalConv2D(2 * self.latents, precision=EXACT, name="context")(known_BhwM, windows))
        width = 4 * self.latents
        x = act(Conv2D(width, 1, precision=EXACT, name="conv_in")(jnp.concatenate(seen, axis=-1)))
        x = act(ResBlock(1, precision=EXACT, name="block")(x))
        return mixture(Conv2D(9 * self.latents, 1, precision=EXACT, name="conv_out")(x))


def mixture(raw_BhwP: Array) -> Mixture:
    """Nine numbers of each latent as a mixture: logits of weights, means, scales before softplus."""
    raw = raw_BhwP.reshape(*raw_BhwP.shape[:-1], 3, COMPONENTS, -1)
    logits, means, scales = (raw[..., part, :, :] for part in range(3))
    scales = bounded(jax.nn.softplus(scales), LEAST_SCALE, math.inf)
    return Mixture(jax.nn.softmax(logits, axis=-2), means, scales)


def mixture_bits(found: Mixture, y_BhwM: Array) -> Array:
    """Bits of each latent, whole or with uniform noise: [B, h, w, M] float32.

    No component gives less than 1e-6, and the gradient leads back from there.
    """
    away = jnp.abs(y_BhwM[..., None, :] - found.means)
    # Both ends lie where the normal distribution function loses no digits.
    chance = _normal((0.5 - away) / found.scales) - _normal((-0.5 - away) / found.scales)
    return -jnp.log2(jnp.sum(found.weights * bounded(chance, LEAST_CHANCE, 2.0), axis=-2))


def _normal(x: Array) -> Array:
    """Distribution function of the standard normal."""
    return 0.5 * jax.scipy.special.erfc(-x * 2**-0.5)
