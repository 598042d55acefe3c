"""CRSPE: what the embedding of a frame is made of (Tang et al. 2023, equation 7).

A pooled frame through psi, a 1x1 convolution, is what the paper's psi and then pooling would give; so a scene is pooled
once, and training needs no pixels for its embeddings.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.mvc.config import MvcConfig


def pad(config: MvcConfig, frames_THWC: Any) -> Any:
    """The video's frames, NumPy's or JAX's, as the network's: last rows and columns are repeated."""
    if not (config.pad_bottom or config.pad_right):
        return frames_THWC
    numpy = jnp if isinstance(frames_THWC, jax.Array) else np
    return numpy.pad(frames_THWC, ((0, 0), (0, config.pad_bottom), (0, config.pad_right), (0, 0)), mode="edge")


def crop(config: MvcConfig, frames_BHWC: Array) -> Array:
    """The network's frames as the video's."""
    return frames_BHWC[:, : config.height - config.pad_bottom, : config.width - config.pad_right]


def scene_context(config: MvcConfig, frames_THWC: Any) -> Any:
    """What psi sees of padded uint8 frames, NumPy's or JAX's: [T, h, w, 3] float32 in [0, 1].

    Means of blocks of height / h x width / w pixels, or with `stride` their first pixels.
    """
    down, right = config.height // config.h, config.width // config.w
    if config.context == "stride":
        return frames_THWC[:, ::down, ::right].astype(np.float32) / np.float32(255)
    blocks = frames_THWC.reshape(len(frames_THWC), config.h, down, config.w, right, 3)
    return blocks.sum(axis=(2, 4), dtype=np.int32).astype(np.float32) / np.float32(255 * down * right)


def embed(config: MvcConfig, training: Mapping[str, Array], context_Bhw3: Array, numbers_B: Array) -> Array | None:
    """F_e of frames, [B, h, w, c] float32; none where the model has no embedding.

    Args:
      config: the network.
      training: of `Params`.
      context_Bhw3: of the frames, of `scene_context`; not looked at where embeddings are free.
      numbers_B: the frames' numbers; looked at where embeddings are free.
    """
    if config.embedding is None:
        return None
    if config.context == "free":
        return training["embedding"][numbers_B]
    return jnp.einsum("bhwi,ic->bhwc", context_Bhw3, training["psi.kernel"]) + training["psi.bias"]
