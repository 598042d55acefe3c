"""Clips to indices and back: what `codec.tokenizer` runs, imported only where it must be compiled."""

from jax import Array

from vqvae_jax.msvqvae import reconstruct
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.quantization.codebook import Codebooks
from vqvae_jax.training.state import PyTree


def encode(config: ModelConfig, params: PyTree, codebooks: Codebooks, clips_BTHWC: Array) -> tuple[Array, ...]:
    """Indices of uint8 clips, [B, t, h, w] int32 for each level, coarse first."""
    found = reconstruct.encode(MSVQVAE(config), params, codebooks, clips_BTHWC)
    return tuple(found[level] for level in config.levels)


def decode(
    static: tuple[ModelConfig, reconstruct.Without], params: PyTree, codebooks: Codebooks, indices: dict[str, Array]
) -> Array:
    """Clips [B, T, H, W, 3] uint8 of indices by level; `static` is the model, and the level that is left out."""
    config, without = static
    return reconstruct.decode(MSVQVAE(config), params, codebooks, indices, without)
