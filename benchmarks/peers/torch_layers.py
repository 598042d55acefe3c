"""The twin's layers: PyTorch's own, with our padding, names and order of channels.

Tensors are [B, C, T, H, W], as PyTorch's convolutions want them; in memory contiguous or channels innermost
(`channels_last_3d`), and every layer keeps whichever it is given.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vqvae_jax.layers.blocks import BlockKind, NormKind
from vqvae_jax.layers.conv3d import Triple, same_padding
from vqvae_jax.layers.resample import stages
from vqvae_jax.msvqvae.config import ModelConfig


def is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()


class Conv(nn.Conv3d):
    """Convolution with the "same" padding of `vqvae_jax.layers.conv3d`: k - s per axis, the odd one behind."""

    def __init__(
        self, channels: int, features: int, kernel: Triple = (3, 3, 3), strides: Triple = (1, 1, 1), groups: int = 1
    ):
        pads = same_padding(kernel, strides)
        even = all(before == after for before, after in pads)
        padding = tuple(before for before, _ in pads) if even else 0
        super().__init__(channels, features, kernel, strides, padding, groups=groups)
        self.uneven = () if even else tuple(side for pair in reversed(pads) for side in pair)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.pad(x, self.uneven) if self.uneven else x)


class Norm(nn.Module):
    """RMSNorm or LayerNorm of every position over its channels, float32 statistics."""

    def __init__(self, channels: int, kind: NormKind, epsilon: float = 1e-6):
        super().__init__()
        self.kind, self.epsilon = kind, epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if kind == "layer" else None

    def forward(self, x: Tensor) -> Tensor:
        if is_channels_last(x):
            inner, width = x.movedim(1, -1).float(), (x.shape[1],)
            if self.bias is None:
                y = functional.rms_norm(inner, width, self.weight, self.epsilon)
            else:
                y = functional.layer_norm(inner, width, self.weight, self.bias, self.epsilon)
            return y.to(x.dtype).movedim(-1, 1)
        y, shape = x.float(), (-1, 1, 1, 1)
        if self.bias is not None:
            y = y - y.mean(1, keepdim=True)
        y = y * torch.rsqrt(y.square().mean(1, keepdim=True) + self.epsilon) * self.weight.view(shape)
        return (y if self.bias is None else y + self.bias.view(shape)).to(x.dtype)


class Block(nn.Module):
    """x + f(x): norm, SiLU, convolution, twice."""

    def __init__(self, channels: int, hidden: int, kind: BlockKind, groups: int, norm: NormKind):
        super().__init__()
        first, second = ((3, 3, 3), (1, 1, 1)) if kind == "full" else ((1, 3, 3), (3, 1, 1))
        self.norm_in = Norm(channels, norm)
        self.conv_in = Conv(channels, hidden, first, groups=groups)
        self.norm_out = Norm(hidden, norm)
        self.conv_out = Conv(hidden, channels, second, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_in(functional.silu(self.norm_in(x), inplace=True))
        return x + self.conv_out(functional.silu(self.norm_out(y), inplace=True))


class Stack(nn.Sequential):
    """Residual blocks, named as ours."""

    def __init__(self, depth: int, *block: Any):
        super().__init__()
        for index in range(depth):
            self.add_module(f"block_{index}", Block(*block))


def depth_to_space(x: Tensor, factors: Triple) -> Tensor:
    """[B, f * C, T, H, W] -> [B, C, T * ft, H * fh, W * fw], our order of channels; the layout stays."""
    b, channels, t, h, w = x.shape
    ft, fh, fw = factors
    c = channels // (ft * fh * fw)
    if is_channels_last(x):
        y = x.movedim(1, -1).reshape(b, t, h, w, ft, fh, fw, c).permute(0, 1, 4, 2, 5, 3, 6, 7)
        return y.reshape(b, t * ft, h * fh, w * fw, c).movedim(-1, 1)
    y = x.reshape(b, ft, fh, fw, c, t, h, w).permute(0, 4, 5, 1, 6, 2, 7, 3)
    return y.reshape(b, c, t * ft, h * fh, w * fw)


def space_to_depth(x: Tensor, factors: Triple) -> Tensor:
    """The inverse of `depth_to_space`."""
    b, c, t, h, w = x.shape
    ft, fh, fw = factors
    t, h, w = t // ft, h // fh, w // fw
    if is_channels_last(x):
        y = x.movedim(1, -1).reshape(b, t, ft, h, fh, w, fw, c).permute(0, 1, 3, 5, 2, 4, 6, 7)
        return y.reshape(b, t, h, w, ft * fh * fw * c).movedim(-1, 1)
    y = x.reshape(b, c, t, ft, h, fh, w, fw).permute(0, 3, 5, 7, 1, 2, 4, 6)
    return y.reshape(b, ft * fh * fw * c, t, h, w)


class Stem(nn.Module):
    """Pixels -> features on the bottom grid."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.factors = config.bottom.strides if config.resample == "patch" else None
        if self.factors is not None:
            self.conv = Conv(3 * int(np.prod(self.factors)), config.width, (1, 1, 1))
            return
        steps, channels = stages(config.bottom.strides), 3
        for index, step in enumerate(steps):
            features = config.width if index == len(steps) - 1 else config.early_width
            t, h, w = (4 if stride == 2 else 3 for stride in step)
            self.add_module(f"conv_{index}", Conv(channels, features, (t, h, w), step))
            channels = features

    def forward(self, x: Tensor) -> Tensor:
        if self.factors is not None:
            return self.conv(space_to_depth(x, self.factors))
        for index, conv in enumerate(self.children()):
            x = conv(functional.silu(x) if index else x)
        return x


class Head(nn.Module):
    """Features on the bottom grid -> pixels, by depth-to-space."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        patch, strides = config.resample == "patch", config.bottom.strides
        self.steps = [strides] if patch else stages(strides)[::-1]
        channels, kernel = config.width, (1, 1, 1) if patch else (3, 3, 3)
        for index, step in enumerate(self.steps):
            features = 3 if index == len(self.steps) - 1 else config.early_width
            name = "conv" if patch else f"conv_{index}"
            self.add_module(name, Conv(channels, features * int(np.prod(step)), kernel))
            channels = features

    def forward(self, x: Tensor) -> Tensor:
        for index, (conv, step) in enumerate(zip(self.children(), self.steps, strict=True)):
            x = depth_to_space(conv(functional.silu(x) if index else x), step)
        return x


class Down(nn.Module):
    """The bottom grid to the top grid."""

    def __init__(self, config: ModelConfig, factors: Triple):
        super().__init__()
        self.factors = factors if config.resample == "patch" else None
        if self.factors is not None:
            self.conv = Conv(config.width * int(np.prod(factors)), config.top_width, (1, 1, 1))
        else:
            self.conv = Conv(config.width, config.top_width, (3, 3, 3), factors)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x if self.factors is None else space_to_depth(x, self.factors))


class Up(nn.Module):
    """The top grid to the bottom grid."""

    def __init__(self, config: ModelConfig, factors: Triple):
        super().__init__()
        self.patch, self.factors, width = config.resample == "patch", factors, config.top_width
        if self.patch:
            self.conv = Conv(width, width * int(np.prod(factors)), (1, 1, 1))
        else:
            self.conv = Conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        if self.patch:
            return depth_to_space(self.conv(x), self.factors)
        return self.conv(functional.interpolate(x, scale_factor=self.factors, mode="nearest"))
