"""Networks of this family that are made and compiled in moments."""

import jax
import numpy as np

from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.weights import Params, decoder_shapes, training_shapes

TINY = MvcConfig(
    frames=5,
    h=3,
    w=4,
    strides=(3, 2, 1),
    channels=8,
    expansion=2.0,
    lower_width=4,
    d0=12,
    stem=10,
    td=6,
    mlp=7,
    heads=2,
    head_dim=5,
    levels=6,
)


def tiny_params(config=TINY, seed=0):
    """Weights of the usual size, drawn by NumPy: to compile their initialisers takes longer than most tests."""
    rng = np.random.default_rng(seed)

    def draw(shapes):
        return {
            name: (rng.uniform(-1, 1, shape) / np.sqrt(max(np.prod(shape[:-1]), 4))).astype(np.float32)
            for name, shape in shapes.items()
        }

    return jax.tree.map(jax.numpy.asarray, Params(draw(decoder_shapes(config)), draw(training_shapes(config))))


def scene(config=TINY, seed=0):
    """Smooth pictures that move, uint8 [T, H, W, 3], of the video's size."""
    frames, height, width = config.clip
    t, y, x, k = np.ogrid[:frames, :height, :width, :3]
    a, b = np.random.default_rng(seed).uniform(0.2, 0.5, 2)
    picture = 0.5 + 0.25 * np.sin(a * (x + t) + k) + 0.2 * np.cos(b * y + 0.3 * (x + t))
    return np.round(255 * picture).astype(np.uint8)
