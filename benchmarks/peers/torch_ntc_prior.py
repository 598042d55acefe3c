"""The prior of NTC in PyTorch: the same whole numbers as `vqvae_jax.ntc.prior`, and its gradients.

Channels are innermost throughout: two of three layers are then plain matrix products. float32, whatever
`torch.autocast` says: bfloat16 does not hold the sums.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqvae_jax.ntc.coding_order import coding_steps
from vqvae_jax.ntc.config import GROUPS, RATE_STEPS, NtcConfig
from vqvae_jax.ntc.fixed_point import (
    CONTEXT_LIMIT,
    FIRST_SCALE,
    HIDDEN_BITS,
    HIDDEN_LIMIT,
    MEAN_BITS,
    MEAN_LIMIT,
    SCALE_BITS,
    SCALES,
    WEIGHT_LIMIT,
)


class RoundAndClamp(torch.autograd.Function):
    """To the nearest whole number, halves up, within two whole bounds.

    The rounding passes gradients on; the bounds stop them, and a value on one of them passes half, as JAX's `clip`
    has it: hidden values are 0 so often that it shows.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: int, high: int) -> Tensor:
        whole = torch.floor(x + 0.5)
        ctx.save_for_backward(whole)
        ctx.bounds = low, high
        return whole.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (whole,), (low, high) = ctx.saved_tensors, ctx.bounds
        inside = torch.minimum(whole - low, high - whole).add_(0.5).clamp_(0, 1)
        return inside.mul_(gradient), None, None


class TorchBelief(NamedTuple):
    """What the prior says of latents, [N, M, h, w] each."""

    mean: Tensor  # in sixteenths of a step, whole
    scale: Tensor  # number in [0, 64)


class TorchPrior(nn.Module):
    """Three layers with weights of 8 bits, four coding steps at once."""

    def __init__(self, config: NtcConfig):
        super().__init__()
        m, width, knots = config.latents, config.prior_width, len(config.lambdas)
        self.past = nn.Parameter(torch.empty(width, 2 * m, 3, 3))
        self.now = nn.Parameter(torch.empty(width, m, 3, 3))
        self.first_bias = nn.Parameter(torch.empty(knots, width))
        self.steps = nn.Parameter(torch.empty(GROUPS, width))
        self.middle = nn.Parameter(torch.empty(width, width, 1, 1))
        self.middle_bias = nn.Parameter(torch.empty(width))
        self.out = nn.Parameter(torch.empty(2 * m, width, 1, 1))
        self.out_bias = nn.Parameter(torch.empty(2 * m))
        height, width = config.clip[1] // 8, config.clip[2] // 8
        order = torch.tensor(coding_steps(height, width, m))
        # Which latents are known in each step, and in which step each is coded.
        self.register_buffer("known", (order < torch.arange(GROUPS)[:, None, None, None]).float(), persistent=False)
        looked_at = torch.arange(2 * m) < m * config.prior_units
        self.register_buffer("looked_at", looked_at.float(), persistent=False)
        self.register_buffer("order", order.long(), persistent=False)

    def forward(self, q_UBMhw: Tensor, rate_B: Tensor) -> TorchBelief:
        """Beliefs about all latents of a batch of groups of pictures, [U B, M, h, w] each.

        Args:
          q_UBMhw: whole latents.
          rate_B: rate numbers.
        """
        with torch.autocast(q_UBMhw.device.type, enabled=False):
            return self._beliefs(q_UBMhw, rate_B)

    def _beliefs(self, q_UBMhw: Tensor, rate_B: Tensor) -> TorchBelief:
        units, batch = q_UBMhw.shape[:2]
        seen = RoundAndClamp.apply(q_UBMhw.movedim(2, -1), -CONTEXT_LIMIT, CONTEXT_LIMIT)
        padded = torch.cat([seen.new_zeros(2, *seen.shape[1:]), seen])
        past = torch.cat([padded[1:-1], padded[:-2]], dim=-1) * self.looked_at
        unit = torch.maximum(layer_unit(self.past), layer_unit(self.now))
        bias = rounded(at_rate(rounded(self.first_bias / unit), rate_B)).repeat(units, 1)
        from_past = _conv(past.flatten(0, 1), whole(self.past, unit)) + bias[:, None, None]
        known = seen.flatten(0, 1)[:, None] * self.known
        from_now = _conv(known.flatten(0, 1), whole(self.now, unit)).unflatten(0, (-1, GROUPS))
        steps = rounded(self.steps / unit)[:, None, None]
        hidden = _hidden((from_now + from_past[:, None] + steps) * unit)
        hidden = _hidden(_layer(hidden, self.middle, self.middle_bias))
        found = _layer(hidden, self.out, self.out_bias)
        order = self.order.expand(units * batch, 1, -1, -1, -1)
        mean, octave = (part.gather(1, order)[:, 0].movedim(-1, 1) for part in found.chunk(2, dim=-1))
        return TorchBelief(
            RoundAndClamp.apply(mean * (1 << MEAN_BITS), -MEAN_LIMIT, MEAN_LIMIT),
            RoundAndClamp.apply(octave * (1 << SCALE_BITS), 0, SCALES - 1),
        )


def rounded(x: Tensor) -> Tensor:
    """To the nearest whole number, halves up; the gradient is that of x."""
    return x + (torch.floor(x + 0.5) - x).detach()


def whole(kernel: Tensor, unit: Tensor) -> Tensor:
    """Weights as whole numbers of `unit` within +-127."""
    return RoundAndClamp.apply(kernel / unit, -WEIGHT_LIMIT, WEIGHT_LIMIT)


@torch.no_grad()
def layer_unit(kernel: Tensor) -> Tensor:
    """The least power of two of which no weight has more than 127."""
    part, exponent = torch.frexp(kernel.abs().max().clamp_min(1e-6) / WEIGHT_LIMIT)
    return torch.ldexp(torch.ones_like(part), exponent - (part == 0.5).int())


def at_rate(table_LC: Tensor, rate_B: Tensor) -> Tensor:
    """Rows between a table's, by rate number: [B, C]."""
    place = (rate_B // RATE_STEPS).clamp(0, len(table_LC) - 2)
    part = ((rate_B - place * RATE_STEPS).float() / RATE_STEPS)[:, None]
    return torch.lerp(table_LC[place], table_LC[place + 1], part)


def bits(belief: TorchBelief, y: Tensor) -> Tensor:
    """Bits of latents, whole or with noise, under logistic distributions integrated over a step."""
    scale = FIRST_SCALE * torch.exp2(belief.scale / (1 << SCALE_BITS))
    away = (y - belief.mean / (1 << MEAN_BITS)).abs()
    chance = functional.logsigmoid((0.5 - away) / scale) + functional.logsigmoid((0.5 + away) / scale)
    return (chance + torch.log1p(-torch.exp(-1 / scale))) / -math.log(2)


def _conv(x_NhwC: Tensor, kernel_OCkk: Tensor) -> Tensor:
    return functional.conv2d(x_NhwC.movedim(-1, 1), kernel_OCkk, padding=1).movedim(1, -1)


def _layer(hidden: Tensor, kernel_OC11: Tensor, bias_O: Tensor) -> Tensor:
    """A matrix product of hidden values; the bias is rounded to the unit of its sums."""
    unit = layer_unit(kernel_OC11)
    fine = unit / (1 << HIDDEN_BITS)
    return functional.linear(hidden, whole(kernel_OC11, unit).flatten(1)) * unit + rounded(bias_O / fine) * fine


def _hidden(x: Tensor) -> Tensor:
    """Rectified and rounded to 2**-5, at most 511 of them."""
    return RoundAndClamp.apply(x * (1 << HIDDEN_BITS), 0, HIDDEN_LIMIT) / (1 << HIDDEN_BITS)
