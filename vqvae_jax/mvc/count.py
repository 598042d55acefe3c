"""What a network costs, and how wide one of a given size is. Counted, not estimated."""

import math
from dataclasses import dataclass, replace
from functools import cache

import jax
import jax.numpy as jnp

from vqvae_jax.errors import UserError
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.network import decode
from vqvae_jax.mvc.weights import decoder_shapes, training_shapes
from vqvae_jax.training.macs import macs
from vqvae_jax.training.task import Cost


@dataclass(frozen=True)
class MvcCost(Cost):
    """Of a scene. `parameters` are those of the decoder; an encoder is a training."""

    training_parameters: int
    """Moved by gradients and not transmitted as weights."""
    published_parameters: int
    """As E-NeRV's repository counts: with the grid's numbers, where there is a grid and no embedding."""
    embedding_numbers: int
    """Of all frames, transmitted beside the weights."""
    macs_per_pixel: float
    """Of decoding."""
    formula_bpp: float
    """At 8 bits a number, as the paper has it: of weights and embeddings, without headers, tables or coding."""

    @property
    def summary(self) -> str:
        return f"{self.parameters:,} parameters, {self.macs_per_pixel / 1e3:,.1f} kMAC a pixel"


def parameters(config: MvcConfig) -> int:
    """NP: numbers that are transmitted as weights."""
    return sum(math.prod(shape) for shape in decoder_shapes(config).values())


def embedding_numbers(config: MvcConfig) -> int:
    """Of all frames."""
    return config.frames * math.prod(config.embedding or (0,))


def formula_bits(config: MvcConfig, weight_bits: float = 8, embed_bits: float = 8) -> float:
    """NP weight_bits + FE, where FE has 64 bits for the range of each channel (Tang et al. 2023, III-E)."""
    ranges = 64 * config.context_channels if config.embedding else 0
    return parameters(config) * weight_bits + embedding_numbers(config) * embed_bits + ranges


def cost(config: MvcConfig, clip: Triple | None = None) -> MvcCost:
    """Counts a network without running it, for the whole scene or for the (frames, height, width) of `clip` of it."""
    frames = (clip or config.clip)[0]
    each = frame_macs(config)
    transmitted = parameters(config)
    trained = sum(math.prod(shape) for shape in training_shapes(config).values())
    return MvcCost(
        parameters=transmitted,
        encoder_macs=0,
        decoder_macs=frames * each,
        training_parameters=trained,
        published_parameters=transmitted + (2 * config.h * config.w if config.kind == "enerv" else 0),
        embedding_numbers=embedding_numbers(config),
        macs_per_pixel=each / (config.height * config.width),
        formula_bpp=formula_bits(config) / math.prod(config.clip),
    )


@cache
def frame_macs(config: MvcConfig) -> int:
    """Multiply-accumulates of one decoded frame."""
    weights = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in decoder_shapes(config).items()}
    codes = jax.ShapeDtypeStruct((1, 2 * config.levels), jnp.float32)
    embedding = jax.ShapeDtypeStruct((1, *config.embedding), jnp.float32) if config.embedding else None
    return macs(lambda *arguments: decode(config, *arguments).frames, weights, codes, embedding)


def lower_width(channels: int, least: int = 24) -> int:
    """Fewest channels of later stages beside so many before the first."""
    return min(max(round(0.75 * channels), least), 96)


def of_parameters(config: MvcConfig, most: float, least: int = 24) -> MvcConfig:
    """The widest network of at most so many parameters: `channels` is searched, `lower_width` follows it.

    Args:
      config: all else of it.
      most: parameters.
      least: of `lower_width`.

    Raises:
      UserError: if the narrowest one has more.
    """

    def wide(channels: int) -> MvcConfig:
        return replace(config, channels=channels, lower_width=lower_width(channels, least))

    low, high = 4, 8
    if parameters(wide(low)) > most:
        raise UserError(
            f"{max(int(most), 0):,} parameters are too few: the narrowest network of this shape has "
            f"{parameters(wide(low)):,}; allow more, or more bits per pixel"
        )
    while parameters(wide(high)) <= most:
        low, high = high, 2 * high
    while high - low > 1:  # parameters grow with channels
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(wide(middle)) <= most else (low, middle)
    return wide(low)


def of_rate(config: MvcConfig, bpp: float, weight_bits: float = 8, embed_bits: float = 8) -> MvcConfig:
    """The widest network for this scene whose formula gives at most `bpp` bits per pixel.

    Raises:
      UserError: if there is none.
    """
    bits = bpp * math.prod(config.clip)
    fixed = formula_bits(config, weight_bits, embed_bits) - weight_bits * parameters(config)
    return of_parameters(config, (bits - fixed) / weight_bits)
