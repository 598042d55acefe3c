"""All weights by name and shape, in the order that files have them, and their initial values."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.quantise import Learned

Shapes = dict[str, tuple[int, ...]]


class Params(NamedTuple):
    """What gradients move."""

    decoder: dict[str, Array]  # transmitted, in the order of `decoder_shapes`
    training: dict[str, Array]  # needed by the encoder or by losses alone: see `training_shapes`
    learned: Learned | None = None  # steps and densities, of a fit for rate


def decoder_shapes(config: MvcConfig) -> Shapes:
    """Of what is transmitted, in canonical order: along the forward pass, weights before biases."""
    c, codes, tokens = config, 2 * config.levels, config.h * config.w
    found: Shapes = {}

    def layer(name: str, *kernel: int, bias: bool = True) -> None:
        found[f"{name}.kernel"] = kernel
        if bias:
            found[f"{name}.bias"] = kernel[-1:]

    def transformer(name: str, heads: int) -> None:
        inner = heads * c.head_dim
        layer(f"{name}.attention.qkv", c.d0, 3 * inner, bias=False)
        if heads > 1 or inner != c.d0:
            layer(f"{name}.attention.out", inner, c.d0)
        layer(f"{name}.up", c.d0, c.mlp)
        layer(f"{name}.down", c.mlp, c.d0)

    layer("time.0", codes, c.stem)
    if c.kind == "nerv":
        layer("time.1", c.stem, tokens * c.channels)
    else:
        layer("time.1", c.stem, c.d0)
        layer("modulation.0", codes, c.td)
        layer("modulation.1", c.td, c.td)
        layer("space", 2 * codes + (c.context_channels if c.embedding else 0), c.d0)
        transformer("space_block", 1)
        if c.fusion == "trans":
            transformer("fusion_block", c.heads)
        if c.fusion == "mlp" or c.d0 != c.channels:
            layer("fusion", c.d0, c.channels)
    for index, (stride, inputs, outputs) in enumerate(zip(c.strides, c.widths[:-1], c.widths[1:], strict=True)):
        name = f"stage_{index}"
        if c.kind != "nerv":
            layer(f"{name}.modulation", c.td, 2 * inputs)
        if index or c.kind == "nerv":
            layer(f"{name}.conv", 3, 3, inputs, outputs * stride**2)
        elif inputs <= outputs:
            layer(f"{name}.conv", 3, 3, inputs, inputs // 4 * stride**2)
            layer(f"{name}.conv_after", 3, 3, inputs // 4, outputs)
        else:
            layer(f"{name}.conv_before", 3, 3, inputs, outputs)
            layer(f"{name}.conv", 3, 3, outputs, outputs * stride**2)
    layer("head", 1, 1, c.widths[-1], 3)
    return found


def training_shapes(config: MvcConfig) -> Shapes:
    """Of what is never transmitted as weights: psi (or free embeddings), the heads of flow and of its mask W."""
    found: Shapes = {}
    if config.embedding:
        found |= {"psi.kernel": (3, config.context_channels), "psi.bias": (config.context_channels,)}
    if config.context == "free":
        found["embedding"] = (config.frames, *config.embedding) if config.embedding else ()
    last = config.widths[-1]
    return found | {
        "flow.kernel": (1, 1, last, 4),
        "flow.bias": (4,),
        "mask.kernel": (1, 1, last, 2),
        "mask.bias": (2,),
    }


def init(key: Array, config: MvcConfig, context_Thw3: Array | None = None) -> Params:
    """Fresh weights: uniform in +-1 / sqrt(inputs), biases too, as PyTorch's layers begin.

    Args:
      key: of the draw.
      config: the network.
      context_Thw3: of `context.scene_context`, which `free` embeddings begin from.
    """
    decoder_key, training_key = jax.random.split(key)
    decoder = _draw(decoder_key, decoder_shapes(config))
    training = _draw(training_key, {n: s for n, s in training_shapes(config).items() if n != "embedding"})
    if config.context == "free":
        assert context_Thw3 is not None
        training["embedding"] = context_Thw3 @ training["psi.kernel"] + training["psi.bias"]
    return Params(decoder, training)


def _draw(key: Array, shapes: Shapes) -> dict[str, Array]:
    # One draw for all: a program with one for each takes long to compile.
    row = jax.random.uniform(key, (sum(map(math.prod, shapes.values())),), jnp.float32, -1.0, 1.0)
    found, start = {}, 0
    for name, shape in shapes.items():
        inputs = math.prod(shapes[name.replace(".bias", ".kernel")][:-1])
        end = start + math.prod(shape)
        found[name] = row[start:end].reshape(shape) / math.sqrt(inputs)
        start = end
    return found
