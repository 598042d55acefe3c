"""The twin's layers: PyTorch's own, with our padding, names and order of channels.

Tensors are [B, C, T, H, W], as PyTorch's convolutions want them; in memory contiguous or channels innermost
(`channels_last_3d`), and every layer keeps whichever it is given.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vqvae_jax.layers.conv3d import same_padding
from vqvae_jax.layers.kinds import BlockKind, NormKind, Triple
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


class DepthToSpace(nn.Module):
    """[B, f * C, T, H, W] -> [B, C, T * ft, H * fh, W * fw], our order of channels; the layout stays."""

    def __init__(self, factors: Triple):
        super().__init__()
        self.factors = factors

    def forward(self, x: Tensor) -> Tensor:
        b, channels, t, h, w = x.shape
        ft, fh, fw = self.factors
        y = x.movedim(1, -1).unflatten(-1, (ft, fh, fw, channels // math.prod(self.factors)))
        if is_channels_last(x):
            return y.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, t * ft, h * fh, w * fw, -1).movedim(-1, 1)
        return y.permute(0, 7, 1, 4, 2, 5, 3, 6).reshape(b, -1, t * ft, h * fh, w * fw)


class SpaceToDepth(DepthToSpace):
    """The inverse of `DepthToSpace`."""

    def forward(self, x: Tensor) -> Tensor:
        b, (ft, fh, fw) = len(x), self.factors
        t, h, w = (size // factor for size, factor in zip(x.shape[2:], self.factors, strict=True))
        y = x.movedim(1, -1).unflatten(3, (w, fw)).unflatten(2, (h, fh)).unflatten(1, (t, ft))
        if is_channels_last(x):
            return y.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(b, t, h, w, -1).movedim(-1, 1)
        return y.permute(0, 2, 4, 6, 7, 1, 3, 5).reshape(b, -1, t, h, w)


def stem(config: ModelConfig) -> nn.Sequential:
    """Pixels -> features on the bottom grid."""
    if config.resample == "patch":
        return down(config, 3, config.width, config.bottom.strides)
    steps, channels, layers = stages(config.bottom.strides), 3, OrderedDict[str, nn.Module]()
    for index, step in enumerate(steps):
        if index:
            layers[f"silu_{index}"] = nn.SiLU()
        features = config.width if index == len(steps) - 1 else config.early_width
        t, h, w = (4 if stride == 2 else 3 for stride in step)
        layers[f"conv_{index}"] = Conv(channels, features, (t, h, w), step)
        channels = features
    return nn.Sequential(layers)


def head(config: ModelConfig) -> nn.Sequential:
    """Features on the bottom grid -> pixels, by depth-to-space."""
    if config.resample == "patch":
        return up(config, config.width, 3, config.bottom.strides)
    steps, channels, layers = stages(config.bottom.strides)[::-1], config.width, OrderedDict[str, nn.Module]()
    for index, step in enumerate(steps):
        if index:
            layers[f"silu_{index}"] = nn.SiLU()
        features = 3 if index == len(steps) - 1 else config.early_width
        layers[f"conv_{index}"] = Conv(channels, features * math.prod(step))
        layers[f"pixels_{index}"] = DepthToSpace(step)
        channels = features
    return nn.Sequential(layers)


def down(config: ModelConfig, channels: int, features: int, factors: Triple) -> nn.Sequential:
    """A grid to one that is coarser by the factors."""
    if config.resample == "patch":
        conv = Conv(channels * math.prod(factors), features, (1, 1, 1))
        return nn.Sequential(OrderedDict(patches=SpaceToDepth(factors), conv=conv))
    return nn.Sequential(OrderedDict(conv=Conv(channels, features, (3, 3, 3), factors)))


def up(config: ModelConfig, channels: int, features: int, factors: Triple) -> nn.Sequential:
    """A grid to one that is finer by the factors."""
    if config.resample == "patch":
        conv = Conv(channels, features * math.prod(factors), (1, 1, 1))
        return nn.Sequential(OrderedDict(conv=conv, pixels=DepthToSpace(factors)))
    nearest = nn.Upsample(scale_factor=factors, mode="nearest")
    return nn.Sequential(OrderedDict(nearest=nearest, conv=Conv(channels, features)))


@torch.no_grad()
def copy_weights(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Copies arrays into a module's parameters of the same names, whatever their device and layout.

    Raises:
      KeyError: if one side lacks a weight of the other.
    """
    parameters = dict(module.named_parameters())
    if arrays.keys() != parameters.keys():
        raise KeyError(f"weights of one side only: {sorted(arrays.keys() ^ parameters.keys())}")
    for name, parameter in parameters.items():
        parameter.copy_(torch.tensor(arrays[name]).reshape(parameter.shape))
