"""What the models cost: parameters and multiply-accumulates, by two rules. Counted, not estimated.

`products` are the multiplications that are needed. `thop` is how the paper's table VI counts (pytorch-OpCounter): a
transposed convolution at each of its outputs, four times too much; causal ones and what is read between pixels, not at
all; LayerNorm four for each value, softmax over K of them 3 K - 1.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.envc.coding import init_params, inter, inter_shapes, intra, intra_shapes
from vqvae_jax.envc.config import MULTIPLE, EnvcConfig
from vqvae_jax.envc.deformable import TAPS, DeformableConv
from vqvae_jax.envc.mixture import COMPONENTS, EntropyParameters
from vqvae_jax.layers.blocks import ChannelNorm
from vqvae_jax.layers.conv2d import CausalConv2D, Conv2D, UpConv2D
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.training.state import PyTree, parameter_count
from vqvae_jax.training.task import Cost

#: Pictures of table VI, height and width.
TABLE = {"1920x1080": (1080, 1920), "832x480": (480, 832)}


class Macs(NamedTuple):
    """Multiply-accumulates by both rules."""

    products: int
    thop: int


@dataclass(frozen=True)
class EnvcCost(Cost):
    """Of a clip: one I frame, then P frames; the encoder, which closes the loop, runs the decoder too."""

    intra_parameters: int
    """Of the I-frame model."""
    inter_parameters: int
    """Of the P-frame model."""
    p_frame_gmacs: dict[str, dict[str, float]]
    """Of table VI, by size: encoding (without reconstruction, as there) and decoding, products and by thop's rule."""

    @property
    def forward_macs(self) -> int:
        return self.encoder_macs


def cost(config: EnvcConfig, clip: Triple | None = None) -> EnvcCost:
    """Counts both models without running them.

    Args:
      config: the models.
      clip: frames, height, width; the configuration's training clip by default.
    """
    frames, height, width = clip or config.clip
    config.check_size((frames, height, width), "count")
    params = _weights(config)
    i, p = intra_macs(config), inter_macs(config)

    def clip_macs(*phases: str) -> int:
        return _blocks(height, width) * sum(
            times * macs.products
            for times, found in ((1, i), (frames - 1, p))
            for phase in phases
            for macs in found[phase].values()
        )

    return EnvcCost(
        parameters=parameter_count(params),
        encoder_macs=clip_macs("encode", "reconstruct"),
        decoder_macs=clip_macs("decode"),
        intra_parameters=parameter_count(params["intra"]),
        inter_parameters=parameter_count(params["inter"]),
        p_frame_gmacs={name: p_frame_gmacs(config, *size) for name, size in TABLE.items()},
    )


def p_frame_gmacs(config: EnvcConfig, height: int, width: int) -> dict[str, float]:
    """1e9 multiply-accumulates of a P frame, padded to multiples of 64, as table VI has them; by phase and rule."""
    found, blocks = inter_macs(config), _blocks(height, width)
    return {
        f"{phase}_{rule}": round(blocks * sum(getattr(macs, rule) for macs in found[phase].values()) / 1e9, 1)
        for phase in ("encode", "decode")
        for rule in Macs._fields
    }


def _blocks(height: int, width: int) -> int:
    return -(-height // MULTIPLE) * -(-width // MULTIPLE)


@cache
def _weights(config: EnvcConfig) -> PyTree:
    """Their shapes."""
    return jax.eval_shape(lambda: init_params(config, jax.random.key(0)))


@cache
def intra_macs(config: EnvcConfig) -> dict[str, dict[str, Macs]]:
    """Of 64x64 pixels of an I frame, by module: to `encode` (distributions too), to `reconstruct` beside it, to
    `decode`. Larger pictures cost as many times more as they have such blocks.
    """
    shapes = intra_shapes(config, 1, MULTIPLE, MULTIPLE)

    def encode(params: PyTree, x: Array) -> Any:
        model = intra(config, params)
        y, z = model.analyse(x)
        return model.parameters(model.hyper(z), y)

    def reconstruct(params: PyTree, y: Array) -> Any:
        return intra(config, params).synthesise(y)

    def decode(params: PyTree, y: Array, z: Array) -> Any:
        model = intra(config, params)
        return model.parameters(model.hyper(z), y), model.synthesise(y)

    return {
        "encode": _counted(config, encode, (1, MULTIPLE, MULTIPLE, 3)),
        "reconstruct": _counted(config, reconstruct, shapes["y"]),
        "decode": _counted(config, decode, shapes["y"], shapes["z"]),
    }


@cache
def inter_macs(config: EnvcConfig) -> dict[str, dict[str, Macs]]:
    """The same of a P frame."""
    shapes, frame = inter_shapes(config, 1, MULTIPLE, MULTIPLE), (1, MULTIPLE, MULTIPLE, 3)

    def motion(model: Any, m: Array) -> Any:
        return model.motion_parameters(m) if config.ar else None

    def encode(params: PyTree, x: Array, before: Array) -> Any:
        model = inter(config, params)
        current, reference = model.current(x), model.encoder_reference(before)
        m = model.encode_motion(current, reference)
        r, z = model.encode_residual(current, model.predict(m, reference))
        return motion(model, m), model.parameters(model.hyper(z), r)

    def reconstruct(params: PyTree, r: Array, prediction: Array) -> Any:
        return inter(config, params).reconstruct(r, prediction)

    def decode(params: PyTree, m: Array, z: Array, r: Array, before: Array) -> Any:
        model = inter(config, params)
        found = motion(model, m), model.parameters(model.hyper(z), r)
        return found, model.reconstruct(r, model.predict(m, model.reference(before)))

    predicted = frame if config.residual == "pixel" else (1, MULTIPLE // 2, MULTIPLE // 2, config.width)
    return {
        "encode": _counted(config, encode, frame, frame),
        "reconstruct": _counted(config, reconstruct, shapes["r"], predicted),
        "decode": _counted(config, decode, shapes["m"], shapes["z"], shapes["r"], frame),
    }


def _counted(config: EnvcConfig, function: Callable[..., Any], *shapes: tuple[int, ...]) -> dict[str, Macs]:
    """Macs of the layers that a function of weights and arrays runs, by the module of the frame model they are in."""
    params = _weights(config)  # before anything is noted
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def note(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        result = run(*args, **kwargs)
        if context.method_name == "__call__":
            counted = _layer(context.module, args[0], result)
            if counted is not None:
                for rule, macs in enumerate(counted):
                    found[context.module.path[0]][rule] += macs
        return result

    with nn.intercept_methods(note):
        jax.eval_shape(function, params, *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes))
    return {name: Macs(*macs) for name, macs in found.items()}


def _layer(module: nn.Module, x: Array, y: Any) -> Macs | None:
    """Of one layer; None for what is made of others."""
    match module:
        case Conv2D():
            return Macs(*[y.size * module.kernel**2 * x.shape[-1]] * 2)
        case CausalConv2D():
            return Macs(y.size * module.kernel**2 * x.shape[-1], 0)
        case UpConv2D():
            return Macs(y.size * 4 * x.shape[-1], y.size * 16 * x.shape[-1])
        case DeformableConv():
            return Macs(*[y.size * TAPS * x.shape[-1]] * 2)
        case ChannelNorm():
            return Macs(0, 4 * y.size)
        case EntropyParameters():
            return Macs(0, (3 * COMPONENTS - 1) * y.weights.size // COMPONENTS)
    return None
