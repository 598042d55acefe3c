"""Models of this family that are made and compiled in moments."""

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.envc.coding import init_params
from vqvae_jax.envc.config import EnvcConfig

TINY = EnvcConfig(clip=(2, 64, 64), intra_width=4, intra_latents=4, width=8, latents=4, heads=2, points=2)
TINY_AR = replace(TINY, ar=True)


@cache
def tiny_params(config=TINY):
    """Weights of the usual size, drawn by NumPy: to compile their initialisers takes longer than most tests."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(partial(init_params, config), jax.random.key(0))

    def draw(leaf):
        inputs = np.prod(leaf.shape[:-1]) if leaf.ndim == 4 else 9
        return jnp.asarray(rng.uniform(-1, 1, leaf.shape) / np.sqrt(inputs), jnp.float32)

    return jax.tree.map(draw, shapes)


def frames(seed=0, shape=(1, 64, 64, 3)):
    """Smooth pictures in [0, 1]."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(0.1, 0.5, 3)
    y, x, k = np.ogrid[: shape[1], : shape[2], :3]
    picture = 0.5 + 0.2 * np.sin(a * x + k) + 0.2 * np.cos(b * y + c * x)
    return jnp.asarray(np.broadcast_to(picture, shape), jnp.float32)
