"""The prior: mean and scale of every latent from those already coded, by a network whose arithmetic is exact.

Weights are 8-bit integers times a power of two, hidden values are integers in [0, 511], and no sum reaches 2**24, so
float32 computes them without rounding, whatever the order: training, encoder and every decoder find the same integers.
Gradients pass the roundings unchanged.

A unit's latents are coded in four steps (`coding_order`). The same in NumPy, for files: `codec.integer_prior`.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.layers.conv3d import same_padding
from vqvae_jax.ntc.coding_order import coding_steps
from vqvae_jax.ntc.config import GROUPS, NtcConfig
from vqvae_jax.ntc.fixed_point import (
    CONTEXT_LIMIT,
    FIRST_SCALE,
    HIDDEN_BITS,
    HIDDEN_LIMIT,
    MEAN_BITS,
    MEAN_LIMIT,
    SCALE_BITS,
    SCALES,
)
from vqvae_jax.ntc.rates import at_rate
from vqvae_jax.ntc.rounding import layer_unit, rounded, whole
from vqvae_jax.precision import EXACT, PARAM_DTYPE, DType


class Belief(NamedTuple):
    """What the prior says of latents."""

    mean: Array  # in sixteenths of a step, whole
    scale: Array  # number in [0, 64): 2**(n / 8 - 4) steps


class Prior(nn.Module):
    """Three layers; everything on the coarse grid [B, h, w, M]."""

    config: NtcConfig

    def setup(self) -> None:
        c = self.config
        m, width, knots = c.latents, c.prior_width, len(c.lambdas)
        usual = nn.initializers.lecun_normal()
        zeros = nn.initializers.zeros
        seen = jnp.repeat(jnp.arange(2) < c.prior_units, m)[:, None]

        # What is not looked at weighs nothing, so that files, which always look, find the same.
        def past(key: Array, shape: tuple[int, ...], dtype: DType) -> Array:
            return jnp.where(seen, usual(key, shape, dtype), 0.0)

        self.past = self.param("past", past, (1, 3, 3, 2 * m, width), PARAM_DTYPE)
        self.now = self.param("now", usual, (1, 3, 3, m, width), PARAM_DTYPE)
        self.first_bias = self.param("first_bias", nn.initializers.normal(0.5), (knots, width), PARAM_DTYPE)
        self.steps = self.param("steps", nn.initializers.normal(0.5), (GROUPS, width), PARAM_DTYPE)
        self.middle = self.param("middle", usual, (1, 1, 1, width, width), PARAM_DTYPE)
        self.middle_bias = self.param("middle_bias", zeros, (width,), PARAM_DTYPE)
        small = nn.initializers.variance_scaling(0.05, "fan_in", "truncated_normal")
        self.out = self.param("out", small, (1, 1, 1, width, 2 * m), PARAM_DTYPE)
        # Scales begin at one step.
        begin = jnp.concatenate([jnp.zeros(m), jnp.full(m, 4.0)])
        self.out_bias = self.param("out_bias", lambda _: begin.astype(PARAM_DTYPE))

    def __call__(self, before_BhwM: Array, earlier_BhwM: Array, q_BhwM: Array, rate_B: Array) -> Belief:
        """Beliefs about all latents of a unit, each by what is coded before it.

        Args:
          before_BhwM: whole latents of the unit before; zeros where there is none.
          earlier_BhwM: of the one before that.
          q_BhwM: of the unit.
          rate_B: rate numbers, whole.
        """
        batch, height, width, _ = q_BhwM.shape
        units = [jnp.where(n < self.config.prior_units, q, 0.0) for n, q in enumerate((before_BhwM, earlier_BhwM))]
        past = jnp.clip(jnp.concatenate(units, axis=-1), -CONTEXT_LIMIT, CONTEXT_LIMIT)
        now = jnp.clip(q_BhwM, -CONTEXT_LIMIT, CONTEXT_LIMIT)
        steps = jnp.asarray(coding_steps(height, width, self.config.latents))
        unit = jnp.maximum(layer_unit(self.past), layer_unit(self.now))
        past_kernel, now_kernel = whole(self.past, unit), whole(self.now, unit)
        bias = rounded(at_rate(rounded(self.first_bias / unit), rate_B))
        from_past = _conv(past, past_kernel) + bias[:, None, None]
        known = jnp.stack([jnp.where(steps < s, now, 0.0) for s in range(GROUPS)], axis=1)
        from_now = _conv(known.reshape(batch * GROUPS, height, width, -1), now_kernel)
        total = from_past[:, None] + from_now.reshape(batch, GROUPS, height, width, -1)
        total = total + rounded(self.steps / unit)[:, None, None]
        hidden = _hidden(total * unit)
        hidden = _hidden(_layer(hidden, self.middle[0, 0, 0], self.middle_bias))
        found = _layer(hidden, self.out[0, 0, 0], self.out_bias)
        picked = jax.nn.one_hot(steps, GROUPS, axis=0)
        mean, octave = jnp.split(found, 2, axis=-1)
        mean, octave = (jnp.einsum("bshwm,shwm->bhwm", part, picked, precision=EXACT) for part in (mean, octave))
        limit = MEAN_LIMIT
        return Belief(
            jnp.clip(rounded(mean * (1 << MEAN_BITS)), -limit, limit),
            jnp.clip(rounded(octave * (1 << SCALE_BITS)), 0, SCALES - 1),
        )


def _layer(hidden: Array, kernel_CO: Array, bias_O: Array) -> Array:
    """A matrix product of hidden values; the bias is rounded to the unit of its sums."""
    unit = layer_unit(kernel_CO)
    fine = unit / (1 << HIDDEN_BITS)
    return jnp.matmul(hidden, whole(kernel_CO, unit), precision=EXACT) * unit + rounded(bias_O / fine) * fine


def _conv(x_BhwC: Array, kernel: Array) -> Array:
    """3x3 on [B, h, w, C], exact."""
    return lax.conv_general_dilated(
        x_BhwC,
        kernel[0],
        (1, 1),
        same_padding((3, 3), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=EXACT,
    )


def _hidden(x: Array) -> Array:
    """Rectified and rounded to 2**-5, at most 511 of them."""
    return jnp.clip(rounded(x * (1 << HIDDEN_BITS)), 0, HIDDEN_LIMIT) / (1 << HIDDEN_BITS)


def bits(belief: Belief, y: Array) -> Array:
    """Bits of latents, whole or with uniform noise, under logistic distributions integrated over a step."""
    scale = FIRST_SCALE * jnp.exp2(belief.scale / (1 << SCALE_BITS))
    away = jnp.abs(y - belief.mean / (1 << MEAN_BITS))
    inner, outer = (0.5 - away) / scale, (0.5 + away) / scale
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), which loses no digits.
    log_chance = jax.nn.log_sigmoid(inner) + jax.nn.log_sigmoid(outer) + jnp.log1p(-jnp.exp(-1.0 / scale))
    return -log_chance / jnp.log(2.0)
