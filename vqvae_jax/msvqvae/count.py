"""What a model costs: parameters, codebook entries, multiply-accumulates, bits per pixel. Counted, not estimated."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from vqvae_jax.layers.kinds import Triple
from vqvae_jax.metrics.rate import formula_bpp
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.msvqvae.start import empty_codebooks, init_params
from vqvae_jax.training.macs import macs
from vqvae_jax.training.state import parameter_count
from vqvae_jax.training.task import Cost


@dataclass(frozen=True)
class ModelCost(Cost):
    """Costs of one model for one clip; the encoder's include code searches."""

    codebook_entries: int
    """Scalars in the codebooks (K x D, summed over levels), moved by EMA."""
    latent_shapes: dict[str, Triple]
    """Grid of indices by level, (t, h, w)."""
    bpp: float
    """Bits per pixel by the paper's formula: every index costs log2 K."""

    @property
    def total(self) -> int:
        """Parameters and codebook entries together."""
        return self.parameters + self.codebook_entries

    @property
    def summary(self) -> str:
        return f"{super().summary} + {self.codebook_entries:,} codebook entries, {self.bpp:.4f} bpp by formula"


def cost(config: ModelConfig, clip: Triple | None = None) -> ModelCost:
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
    return ModelCost(
        parameters=parameter_count(params),
        codebook_entries=sum(level.codes * level.dim for level in config.levels.values()),
        encoder_macs=macs(encoded, params, books, x),
        decoder_macs=macs(decoded, params, codes),
        latent_shapes=shapes,
        bpp=formula_bpp(list(shapes.values()), [level.codes for level in config.levels.values()], clip),
    )
