"""Scenes of a few thousand weights that nobody fitted: drawn, sharpened so that frames differ, quantised."""

import io
from fractions import Fraction

import numpy as np

from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.mvc.codec.model import MvcModel
from vqvae_jax.mvc.codec.scene import Scene, Tensor
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.quantise import codes, range_grid, step_grid
from vqvae_jax.mvc.weights import decoder_shapes

SHAPE = {
    "h": 3,
    "w": 4,
    "strides": (2, 2),
    "channels": 8,
    "expansion": 1.5,
    "lower_width": 6,
    "d0": 8,
    "stem": 12,
    "td": 6,
    "mlp": 8,
    "heads": 2,
    "head_dim": 4,
    "levels": 6,
    "modulation": "1+g",
}
KINDS = {
    "mvc": {"fusion": "mlp"},
    "trans": {"fusion": "trans"},
    "enerv": {"kind": "enerv", "context": "off"},
    "nerv": {"kind": "nerv", "context": "off"},
}


def tiny_config(frames=10, kind="mvc", **others):
    return MvcConfig(**SHAPE | {"frames": frames, "pad_bottom": 1, "pad_right": 2} | KINDS[kind] | others)


def tensor(x, bits=8, axis="tensor"):
    grid = range_grid(x, bits, axis)
    return Tensor(codes(x, grid), grid)


def tiny_scene(config, seed=0, bits=7, embed_bits=6):
    rng = np.random.default_rng(seed)
    drawn = (rng.uniform(-2.5, 2.5, s) / np.sqrt(max(np.prod(s[:-1]), 8)) for s in decoder_shapes(config).values())
    weights = tuple(tensor(x.astype(np.float32), bits) for x in drawn)
    if config.embedding is None:
        return Scene(config, weights, None)
    steps = rng.normal(0, 0.1, (config.frames, *config.embedding))
    steps[0] *= 20
    return Scene(config, weights, tensor(np.cumsum(steps, axis=0).astype(np.float32), embed_bits, "out"))


def tiny_model(lengths=(10,), kind="mvc", embed_bits=6, **others):
    """A video of scenes of these lengths, ready to code."""
    scenes = [tiny_scene(tiny_config(n, kind, **others), seed, 7, embed_bits) for seed, n in enumerate(lengths)]
    return MvcModel(scenes, embed_bits)


def rate_aware(scene, step):
    """The same weights as multiples of a wide step: most are one number."""
    grids = [step_grid(old.values, step) for old in scene.weights]
    pairs = zip(scene.weights, grids, strict=True)
    return scene._replace(weights=tuple(Tensor(codes(old.values, grid), grid) for old, grid in pairs))


def coded(model, group=4):
    """The file of such a video."""
    memory = io.BytesIO()
    frames = np.zeros((*model.clip, 3), np.uint8)  # what they look like is in the weights
    Encoder(model, chunk_frames=group).encode(frames, memory, Fraction(25))
    return memory.getvalue()
