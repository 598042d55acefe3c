"""Narrow replicas of the named models: same blocks, strides and wiring, few channels; they compile in seconds."""

import math
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae import named
from vqvae_jax.msvqvae.config import LevelConfig, ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.start import init_params
from vqvae_jax.quantization.codebook import Codebook

FAMILY = {
    "msvqvae": named.MSVQVAE_MODEL,
    "vqvae3d": named.VQVAE3D_MODEL,
    "msvqvae_k512": named.MSVQVAE_K512_MODEL,
    "tiny": named.TINY_MODEL,
    "edge4": named.EDGE4_MODEL,
}
CLIP = (4, 16, 16)


def narrow(name: str) -> ModelConfig:
    """The named model with 16 codes, 8 channels and one block a stack."""
    model = FAMILY[name]

    frames, height, width = map(max, CLIP, model.multiple)

    def level(full: LevelConfig) -> LevelConfig:
        return LevelConfig(full.strides, 16, 4)

    return replace(
        model,
        bottom=level(model.bottom),
        top=None if model.top is None else level(model.top),
        clip=(frames, height, width),
        width=8,
        hidden=8,
        encoder_blocks=1,
        decoder_blocks=1,
        top_width=6,
        top_hidden=6,
        top_blocks=1,
        early_width=6,
    )


def narrow_experiment(name: str = "tiny", **model) -> Experiment:
    """An experiment without perceptual loss around `narrow(name)`."""
    return Experiment(
        model=replace(narrow(name), **model), loss=LossConfig(gamma=0.0), data=PipelineConfig(frames=CLIP[0])
    )


def random_clips(count: int, size=CLIP, seed: int = 0) -> np.ndarray:
    """Smooth coloured noise, [count, T, H, W, 3] uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, size[0] // 2, size[1] // 4, size[2] // 4, 3))
    return np.kron(coarse, np.ones((1, 2, 4, 4, 1))).astype(np.uint8)


@cache
def started(config: ModelConfig, seed: int = 0):
    """(model, weights, codebooks), drawn by NumPy: JAX's initialisers take longer to compile than the tests to run."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        if path[-1].key == "scale":
            return np.ones(leaf.shape, np.float32)
        fan_in = max(math.prod(leaf.shape[:-1]), 1) if leaf.ndim > 1 else 100
        return (rng.standard_normal(leaf.shape) / fan_in**0.5).astype(np.float32)

    shapes = jax.eval_shape(lambda: init_params(config, jax.random.key(0)))
    params = jax.tree.map(jnp.asarray, jax.tree_util.tree_map_with_path(draw, shapes))
    codebooks = {}
    for name, level in config.levels.items():
        embeddings = jnp.asarray(rng.standard_normal((level.codes, level.dim)), jnp.float32)
        codebooks[name] = Codebook(embeddings, jnp.ones(level.codes), embeddings.copy(), jnp.ones(()))
    return MSVQVAE(config), params, codebooks
