"""What a model costs: parameters, codebook entries, multiply-accumulates, bits per pixel. Counted, not estimated."""

import math
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from vqvae_jax.layers.conv3d import Triple
from vqvae_jax.metrics.rate import formula_bpp
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.msvqvae.start import empty_codebooks, init_params
from vqvae_jax.training.state import parameter_count


@dataclass(frozen=True)
class Cost:
    """Costs of one model for one clip."""

    parameters: int
    """Scalars that gradients move."""
    codebook_entries: int
    """Scalars in the codebooks (K x D, summed over levels), moved by EMA."""
    encoder_macs: int
    """Multiply-accumulates of convolutions and code searches, pixels to indices, for one clip."""
    decoder_macs: int
    """The same from indices to pixels."""
    latent_shapes: dict[str, Triple]
    """Grid of indices by level, (t, h, w)."""
    bpp: float
    """Bits per pixel by the paper's formula: every index costs log2 K."""

    @property
    def total(self) -> int:
        """Parameters and codebook entries together."""
        return self.parameters + self.codebook_entries


def cost(config: ModelConfig, clip: Triple | None = None) -> Cost:
    """Counts a model without running it.

    Args:
      config: the model.
      clip: frames, height, width; the configuration's training clip by default.
    """
    clip = clip or config.clip
    config.check_size(clip, "count")
    # Every lowering computes the same products; the direct form shows each of them exactly once.
    model = MSVQVAE(replace(config, lowering="direct", dtype="float32"))
    params = jax.eval_shape(lambda: init_params(model.config, jax.random.key(0)))
    books = jax.eval_shape(lambda: empty_codebooks(config))
    x = jax.ShapeDtypeStruct((1, *clip, 3), jnp.float32)
    shapes = {name: config.latent_shape(name, clip) for name in config.levels}

    def encoded(params, books, x):
        levels = apply_model(model, params, x, books).levels
        return {name: level.quantized.indices for name, level in levels.items()}

    def decoded(params, codes):
        bound = model.bind(params)
        return bound.decode(codes["bottom"], bound.decode_top(codes["top"]) if "top" in codes else None)

    codes = {name: jax.ShapeDtypeStruct((1, *shapes[name], lv.dim), jnp.float32) for name, lv in config.levels.items()}
    return Cost(
        parameters=parameter_count(params),
        codebook_entries=sum(level.codes * level.dim for level in config.levels.values()),
        encoder_macs=_macs(encoded, params, books, x),
        decoder_macs=_macs(decoded, params, codes),
        latent_shapes=shapes,
        bpp=formula_bpp(list(shapes.values()), [level.codes for level in config.levels.values()], clip),
    )


def _macs(function: Any, *arguments: Any) -> int:
    """Multiply-accumulates of all convolutions and matrix products that the result depends on."""
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    # The encoder runs inside the whole model; what only the reconstruction needs is not the encoder's.
    jaxpr, _ = jax.interpreters.partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _walk(jaxpr)


def _walk(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            out_axis = equation.params["dimension_numbers"].rhs_spec[0]
            total += equation.outvars[0].aval.size * math.prod(kernel) // kernel[out_axis]
        elif equation.primitive.name == "dot_general":
            left = equation.invars[0].aval.shape
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += equation.outvars[0].aval.size * math.prod(left[axis] for axis in contracted)
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += _walk(inner)
    return total
