"""Frames of a scene as a decoder shows them: one at a time, so that each is the same whoever asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from operator import mul

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.context import crop
from vqvae_jax.mvc.encodings import encode
from vqvae_jax.mvc.network import decode

MOST_ACTIVATIONS = 1 << 28  # numbers of one layer's output, a gibibyte; 1920x1080 with 96 channels has 2**27.6
MOST_SCORES = 1 << 26  # of attention


def check_activations(config: MvcConfig) -> None:
    """Raises a `UserError` if one frame takes more memory than any decoder should give."""
    tokens = config.h * config.w
    areas = [tokens * side**2 for side in accumulate(config.strides, mul, initial=1)]
    widths = config.widths
    inner = max(config.stem, 4 * config.levels, config.mlp, config.d0, 3 * config.heads * config.head_dim)
    largest = max(tokens * max(inner, widths[1]), *(a * c for a, c in zip(areas, widths, strict=True)))
    if largest > MOST_ACTIVATIONS or (config.kind != "nerv" and tokens**2 * config.heads > MOST_SCORES):
        raise UserError(f"a layer of its network has {largest:,} numbers for {tokens:,} places; that is too large")


class Program:
    """A scene's network with its weights; compiled once for each shape."""

    def __init__(self, config: MvcConfig, weights: Mapping[str, np.ndarray]) -> None:
        self._config, self._weights = config, {name: jnp.asarray(x) for name, x in weights.items()}

    def frames(self, numbers: Sequence[int], embedding_Thwc: np.ndarray | None) -> np.ndarray:
        """uint8 RGB (T, H, W, 3) of frames of the scene and their embeddings."""
        c = self._config
        # How many frames the scene has decides codes alone: scenes of several lengths share a program.
        shape = replace(c, frames=1)
        each = [None] * len(numbers) if embedding_Thwc is None else list(embedding_Thwc)
        found = []
        for number, embedding in zip(numbers, each, strict=True):
            (code,) = encode(np.array([number]) / max(c.frames - 1, 1), c.base, c.levels)
            found.append(_frame(shape, self._weights, code, embedding))
        return np.stack([np.asarray(frame) for frame in found])


@partial(jax.jit, static_argnums=0)
def _frame(config: MvcConfig, weights: dict[str, Array], code_K: Array, embedding_hwc: Array | None) -> Array:
    embedding = None if embedding_hwc is None else embedding_hwc[None]
    return to_uint8(crop(config, decode(config, weights, code_K[None], embedding).frames))[0]
