"""NTC in PyTorch, written as a PyTorch user would: the peer that our speed is measured against.

Modules bear the names of ours, so that `load_flax` copies weights by name. Motion is left out, as `ntc` leaves it out.
Units are outermost, [U, B, ...], so that each is a view; slices lie behind one another, [B S, C, h, w], which
contiguous tensors turn into [B, S C, h, w] without a copy. Patches are convolutions with a stride, which took half the
time of `pixel_unshuffle` and a 1x1 convolution.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers.torch_layers import Norm, copy_weights
from benchmarks.peers.torch_ntc_prior import TorchPrior, at_rate, bits, rounded
from benchmarks.peers.torch_twin import Layout
from vqvae_jax.ntc.config import PATCH, SLICES, UNIT, NtcConfig
from vqvae_jax.training.state import PyTree

FRAMES = UNIT // SLICES  # of a slice
FORMATS: dict[Layout, torch.memory_format] = {
    "contiguous": torch.contiguous_format,
    "channels_last_3d": torch.channels_last,
}


def join(x: Tensor, slices: int) -> Tensor:
    """[B S, C, h, w] -> [B, S C, h, w] in the layout it has."""
    if x.is_contiguous():
        return x.view(-1, slices * x.shape[1], *x.shape[2:])
    return x.movedim(1, -1).unflatten(0, (-1, slices)).movedim(1, 3).flatten(3).movedim(-1, 1)


def part(x: Tensor, slices: int) -> Tensor:
    """The inverse of `join`."""
    if x.is_contiguous():
        return x.view(-1, x.shape[1] // slices, *x.shape[2:])
    return x.movedim(1, -1).unflatten(-1, (slices, -1)).movedim(3, 1).flatten(0, 1).movedim(-1, 1)


def act(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.1, inplace=True)


class Block(nn.Module):
    """x + w2(act(w1(x))): w1 3x3 on every slice, w2 1x1 across all slices; keeps [B S, C, h, w]."""

    def __init__(self, channels: int, slices: int):
        super().__init__()
        self.slices = slices
        self.space = nn.Conv2d(channels, channels, 3, padding=1)
        self.mix = nn.Conv2d(slices * channels, slices * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + part(self.mix(join(act(self.space(x)), self.slices)), self.slices)


class Stack(nn.Sequential):
    """Blocks, named as ours."""

    def __init__(self, depth: int, channels: int, slices: int):
        super().__init__()
        for index in range(depth):
            self.add_module(f"block_{index}", Block(channels, slices))


class TorchCarry(NamedTuple):
    """What a unit hands on to the next."""

    features: Tensor  # [B S, C, h, w]
    last: Tensor  # [B, 3, H, W]


class TorchContext(NamedTuple):
    """What a unit sees of the one before."""

    fine: Tensor  # [B, C, h, w]
    coarse: Tensor  # [B, coarse C, h / 2, w / 2]
    last: Tensor  # [B, 3, H, W]


class TorchCoded(NamedTuple):
    """A batch of groups of pictures on its way through the twin."""

    frames: Tensor  # [U, B, 4, 3, H, W] float32, nominally in [-1, 1]
    y: Tensor  # [U, B, M, h, w] float32, latents before rounding
    q: Tensor  # [U, B, M, h, w] float32, rounded


class TorchTransform(nn.Module):
    """Analysis, synthesis and what ties units together."""

    def __init__(self, config: NtcConfig, layout: Layout):
        super().__init__()
        c, self.layout = config, layout
        known, pixels, knots = SLICES * c.width + 3 * PATCH * PATCH, FRAMES * 3, len(c.lambdas)
        self.patches = nn.Conv2d(pixels, c.width, PATCH, PATCH)
        self.analysis = Stack(c.analysis_blocks, c.width, SLICES)
        self.encoder_context = nn.Conv2d(c.width, SLICES * c.width, 1, bias=False)
        self.encoder = Stack(c.encoder_blocks, c.width, SLICES)
        self.down = nn.Conv2d(SLICES * c.width, c.coarse_width, 2, 2)
        self.coarse_encoder = Stack(c.coarse_blocks, c.coarse_width, 1)
        self.latent = nn.Conv2d(c.coarse_width, c.latents, 1)

        self.latent_in = nn.Conv2d(c.latents, c.coarse_width, 1)
        self.coarse_decoder = Stack(c.coarse_blocks, c.coarse_width, 1)
        self.up = nn.Conv2d(c.coarse_width, 4 * SLICES * c.width, 1)
        self.decoder_context = nn.Conv2d(c.width, SLICES * c.width, 1, bias=False)
        self.decoder = Stack(c.decoder_blocks, c.width, SLICES)
        self.predicted = nn.Conv2d(pixels, c.width, PATCH, PATCH, bias=False)
        self.refine = Stack(c.refine_blocks, c.width, SLICES)
        self.head = nn.Conv2d(c.width, pixels * PATCH * PATCH, 1)

        self.bound = Norm(c.width, "rms")
        self.context_skip = nn.Conv2d(known, c.width, 1)
        self.context_in = nn.Conv2d(known, c.width, 3, padding=1)
        self.context_out = nn.Conv2d(c.width, c.width, 3, padding=1)
        self.context_down = nn.Conv2d(c.width, c.coarse_width, 2, 2)

        self.nothing = nn.Parameter(torch.empty(SLICES, c.width))
        self.rate_encoder = nn.Parameter(torch.empty(knots, c.coarse_width))
        self.rate_coarse = nn.Parameter(torch.empty(knots, c.coarse_width))
        self.rate_fine = nn.Parameter(torch.empty(knots, SLICES * c.width))
        self.gains = nn.Parameter(torch.empty(knots, c.latents))
        self.inverse_gains = nn.Parameter(torch.empty(knots, c.latents))
        self.to(memory_format=FORMATS[layout])

    def analyse(self, x_UB433HW: Tensor) -> list[Tensor]:
        """What the encoder makes of each unit before it knows the context, [B S, C, h, w]."""
        units, batch, _, _, *sides = x_UB433HW.shape
        slices = self._in_layout(x_UB433HW.reshape(units * batch * SLICES, FRAMES * 3, *sides))
        return list(self.analysis(self.patches(slices)).chunk(units))

    def start(self, batch: int, height: int, width: int) -> TorchCarry:
        """What is handed to the first unit of a group of pictures."""
        features = self.nothing.repeat(batch, 1)[:, :, None, None].expand(-1, -1, height // PATCH, width // PATCH)
        return TorchCarry(self._bounded(self._in_layout(features)), features.new_zeros(batch, 3, height, width))

    def context(self, carry: TorchCarry) -> TorchContext:
        """What a unit sees of the one before."""
        known = torch.cat([join(carry.features, SLICES), functional.pixel_unshuffle(carry.last, PATCH)], dim=1)
        known = self._in_layout(known)
        fine = self.context_skip(known) + self.context_out(act(self.context_in(known)))
        return TorchContext(fine, self.context_down(fine), carry.last)

    def encode(self, analysed: Tensor, context: TorchContext, rates: dict[str, Tensor]) -> Tensor:
        """One unit's latents in steps of the quantiser, [B, M, h, w] float32."""
        x = self.encoder(analysed + part(self.encoder_context(context.fine), SLICES))
        x = self.down(join(x, SLICES)) + context.coarse + rates["rate_encoder"]
        return self.latent(self.coarse_encoder(x)).float() * rates["gains"].exp()

    def decode(self, q_BMhw: Tensor, context: TorchContext, rates: dict[str, Tensor]) -> tuple[Tensor, TorchCarry]:
        """One unit's frames, [B, 4, 3, H, W], and what it hands on."""
        x = self.latent_in(q_BMhw * rates["inverse_gains"].exp()) + context.coarse + rates["rate_coarse"]
        x = functional.pixel_shuffle(self.up(self.coarse_decoder(x)), 2)
        x = self._in_layout(x + self.decoder_context(context.fine) + rates["rate_fine"])
        x = self.decoder(part(x, SLICES))
        # All slices are predicted by the same frame.
        predicted = self.predicted(self._in_layout(context.last.repeat(1, FRAMES, 1, 1)))
        x = self.refine(x + predicted.repeat_interleave(SLICES, 0))
        change = functional.pixel_shuffle(self.head(x), PATCH).float()
        frames = context.last[:, None] + change.reshape(-1, UNIT, 3, *change.shape[2:])
        return frames, TorchCarry(self._bounded(x), frames[:, -1].clamp(-1, 1))

    def at_rates(self, rate_B: Tensor) -> dict[str, Tensor]:
        """The tables' rows for a batch's rates, [B, C, 1, 1] by name."""
        names = "rate_encoder", "rate_coarse", "rate_fine", "gains", "inverse_gains"
        return {name: at_rate(getattr(self, name), rate_B)[:, :, None, None] for name in names}

    def _bounded(self, x: Tensor) -> Tensor:
        return self.bound(x[:, :, None])[:, :, 0]

    def _in_layout(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=FORMATS[self.layout])


class TorchNtc(nn.Module):
    """`vqvae_jax.ntc`: transform and prior.

    Args:
      config: of the model. Its `dtype`, `lowering` and `recurrence` are JAX's matter; use `torch.autocast` here.
      layout: of weights and activations in memory.

    Raises:
      ValueError: if the configuration has motion or hints.
    """

    def __init__(self, config: NtcConfig, layout: Layout = "contiguous"):
        super().__init__()
        if config.motion or config.hints != "none":
            raise ValueError("the twin has no motion and no hints")
        self.transform = TorchTransform(config, layout)
        self.prior = TorchPrior(config)

    def pixels(self, clips_BTHWC: Tensor) -> Tensor:
        """uint8 clips -> [U, B, 4, 3, H, W] float32 in [-1, 1]."""
        units = clips_BTHWC.unflatten(1, (-1, UNIT)).permute(1, 0, 2, 5, 3, 4)
        return units.contiguous().float().mul_(2 / 255).sub_(1)

    def forward(self, x_UB43HW: Tensor, rate_B: Tensor) -> TorchCoded:
        """Groups of pictures, encoded and decoded unit by unit."""
        model, rates = self.transform, self.transform.at_rates(rate_B)
        carry = model.start(x_UB43HW.shape[1], *x_UB43HW.shape[-2:])
        found = []
        for analysed in model.analyse(x_UB43HW):
            context = model.context(carry)
            y = model.encode(analysed, context, rates)
            q = rounded(y)
            frames, carry = model.decode(q, context, rates)
            found.append((frames, y, q))
        return TorchCoded(*_stacked(found))

    def latent_bits(self, q_UBMhw: Tensor, y_UBMhw: Tensor, rate_B: Tensor) -> Tensor:
        """Bits of the latents y in the contexts q, [U B, M, h, w]."""
        return bits(self.prior(q_UBMhw, rate_B), y_UBMhw.flatten(0, 1))

    @torch.inference_mode()
    def encode(self, clips_BTHWC: Tensor, rate_B: Tensor) -> Tensor:
        """uint8 clips -> whole latents, [U, B, M, h, w] float32; the last unit is not decoded."""
        model, rates = self.transform, self.transform.at_rates(rate_B)
        x = self.pixels(clips_BTHWC)
        first, *later = model.analyse(x)
        context = model.context(model.start(x.shape[1], *x.shape[-2:]))
        found = [rounded(model.encode(first, context, rates))]
        for analysed in later:
            _, carry = model.decode(found[-1], context, rates)
            context = model.context(carry)
            found.append(rounded(model.encode(analysed, context, rates)))
        return torch.stack(found)

    @torch.inference_mode()
    def decode(self, q_UBMhw: Tensor, rate_B: Tensor) -> Tensor:
        """Whole latents -> [B, T, H, W, 3] uint8."""
        model, rates = self.transform, self.transform.at_rates(rate_B)
        carry, found = model.start(q_UBMhw.shape[1], *(8 * side for side in q_UBMhw.shape[-2:])), list[Tensor]()
        for q in q_UBMhw:
            frames, carry = model.decode(q, model.context(carry), rates)
            found.append(frames)
        return to_uint8(torch.stack(found))

    @torch.inference_mode()
    def reconstruct(self, clips_BTHWC: Tensor, rate_B: Tensor) -> Tensor:
        """uint8 clips -> whole latents -> uint8 clips."""
        return to_uint8(self(self.pixels(clips_BTHWC), rate_B).frames)


def to_uint8(frames_UB43HW: Tensor) -> Tensor:
    """Frames in [-1, 1] -> [B, T, H, W, 3] uint8."""
    levels = ((frames_UB43HW + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)
    return levels.permute(1, 0, 2, 4, 5, 3).flatten(1, 2).contiguous()


def _stacked(found: Iterable[tuple[Tensor, ...]]) -> Iterable[Tensor]:
    return map(torch.stack, zip(*found, strict=True))


#: Frames and side of the blocks that our module takes from its input or puts into its output channels.
INPUTS = {"patches": (FRAMES, PATCH), "predicted": (FRAMES, PATCH), "down": (1, 2), "context_down": (1, 2)}
OUTPUTS = {"head": (FRAMES, PATCH), "up": (1, 2)}
KNOWN = ("context_skip", "context_in")  # features and, behind them, blocks of a frame


def block_order(channels: int, frames: int, side: int) -> np.ndarray:
    """Places of the channels (frame, row, column, c) of `vqvae_jax.ntc.blocks.to_depth`, as (frame, c, row, column)."""
    return np.arange(channels).reshape(frames, side, side, -1).transpose(0, 3, 1, 2).reshape(-1)


def torch_arrays(params: PyTree) -> dict[str, np.ndarray]:
    """Our weights (or gradients of them) by the twin's names, in its order of axes and channels; kernels [O, I k k]."""
    arrays = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        *modules, name = (str(key.key) for key in path)
        array = np.asarray(leaf, np.float32)
        if modules[-1] in OUTPUTS:
            array = array[..., block_order(array.shape[-1], *OUTPUTS[modules[-1]])]
        if array.ndim == 5:
            array = array.transpose(4, 3, 0, 1, 2)
            if modules[-1] in INPUTS:
                array = array[:, block_order(array.shape[1], *INPUTS[modules[-1]])]
            elif modules[-1] in KNOWN:
                first = array.shape[1] - 3 * PATCH * PATCH
                array = array[:, [*range(first), *(first + block_order(3 * PATCH * PATCH, 1, PATCH))]]
            array = array.reshape(len(array), -1)
        arrays[".".join([*modules, {"kernel": "weight", "scale": "weight"}.get(name, name)])] = array
    return arrays


def load_flax(twin: TorchNtc, params: PyTree) -> None:
    """Copies our weights into the twin, whatever its device and layout.

    Raises:
      KeyError: if the twin lacks a weight or has one that we have not.
    """
    copy_weights(twin, torch_arrays(params))
