"""A model of this family that is made and compiled in moments."""

from functools import cache

import jax
import numpy as np

from vqvae_jax.ntc.codec.model import NtcModel
from vqvae_jax.ntc.codec.weights import pack_weights
from vqvae_jax.ntc.coding import init_params
from vqvae_jax.ntc.config import NtcConfig

NARROW = NtcConfig(
    clip=(8, 16, 24),
    width=16,
    coarse_width=24,
    latents=8,
    coarse_blocks=1,
    decoder_blocks=1,
    refine_blocks=1,
    motion=True,
    reach=2,
    hints="matching",
    prior_width=16,
    lambdas=(4e-4, 1.6e-3, 6.4e-3),
)


@cache
def narrow_params():
    """Fresh weights, but gains that make latents of several steps, and a prior that is sure of something."""
    params = init_params(NARROW, jax.random.key(0))
    params["transform"]["gains"] = params["transform"]["gains"] + 2.0
    params["prior"]["out"] = 10 * params["prior"]["out"]
    return params


@cache
def narrow_bundle():
    return pack_weights("narrow", NARROW, narrow_params(), {"step": 7}, "float32")


@cache
def narrow_model():
    return NtcModel(narrow_bundle())


def clips(count=1, shape=(8, 16, 24), seed=0):
    """Smooth moving pictures, uint8 [B, T, H, W, 3]."""
    rng = np.random.default_rng(seed)
    t, y, x, c = np.ogrid[: shape[0], : shape[1], : shape[2], :3]
    found = []
    for _ in range(count):
        a, b, d = rng.uniform(0.1, 0.5, 3)
        wave = np.sin(a * (x + t) + c) + np.cos(b * y - d * t)
        found.append(np.clip(127 + 55 * wave + rng.normal(0, 4, (*shape, 3)), 0, 255).astype(np.uint8))
    return np.stack(found)
