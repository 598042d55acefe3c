"""TCL: a frame is like those before it, the nearer the more (Tang et al. 2023, equation 12).

"Those before it" are of a memory: frames come one by one in any order, and each leaves its features behind. The paper's
target, a Gaussian of the distance alone, is not what a perfect reconstruction gives; `content` weighs it with how alike
the original frames are, which is.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Target = Literal["gauss", "content"]

WINDOW = 80  # L
TEMPERATURE = 0.1  # tau
VARIANCE = 10.0  # sigma squared, in frames


def unit(features_BD: Array, mean_D: Array) -> Array:
    """Features without what all frames of the scene share, of length 1; a length of 0 stays."""
    away = features_BD - mean_D
    square = jnp.sum(jnp.square(away), axis=-1, keepdims=True)
    return away * jax.lax.rsqrt(jnp.maximum(square, 1e-12))


def consistency_loss(
    similarities_BT: Array,
    numbers_B: Array,
    window: int = WINDOW,
    target: Target = "gauss",
    originals_BT: Array | None = None,
) -> Array:
    """Cross-entropy of a frame's similarities to the frames before it: [B] float32, 0 of frame 0.

    Not 0 at best: with the Gaussian 1.8144 from frame 80 on.

    Args:
      similarities_BT: cosines of frames B to all frames of the scene, of which those before are looked at.
      numbers_B: the frames' numbers.
      window: how many frames before a frame count.
      target: of the similarities.
      originals_BT: cosines of the original frames, for `content`.
    """
    distance = (numbers_B[:, None] - jnp.arange(similarities_BT.shape[1])).astype(jnp.float32)
    before = (distance >= 1) & (distance <= window)
    wanted = -jnp.square(distance) / (2 * VARIANCE)
    if target == "content":
        assert originals_BT is not None
        wanted = wanted + originals_BT / TEMPERATURE
    weights = jax.nn.softmax(_only(before, wanted), axis=-1)
    found = jax.nn.log_softmax(_only(before, similarities_BT / TEMPERATURE), axis=-1)
    loss = -jnp.sum(jnp.where(before, weights * found, 0.0), axis=-1)
    return jnp.where(numbers_B > 0, loss, 0.0)


def _only(chosen: Array, values: Array) -> Array:
    return jnp.where(chosen, values, -np.float32(1e30))
