"""What encoders may see of the motion between two frames: block matching, in large blocks and in small ones."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.envc.config import LATENT_PIXELS
from vqvae_jax.layers.matching import match

REACH = 7  # pixels to either side
_BLOCK = 4  # pixels to a side of the small ones
_GREY_LEVELS = 20.0  # that are 1


def hints(before_BHWC: Array, frames_BHWC: Array, height: int, width: int) -> Array:
    """By position of a coarser grid [B, height, width, 6]; passes no gradient.

    Channels: flow of blocks of a motion latent's size (down, right; over `REACH`), flow of small blocks, how well the
    latter fits, and how well no motion does.

    Args:
      before_BHWC, frames_BHWC: in [0, 1], nominally; sides multiples of 16.
      height, width: multiples of a sixteenth of the frames'.
    """
    pictures = 2 * before_BHWC - 1, 2 * frames_BHWC - 1
    large = match(*pictures, REACH, LATENT_PIXELS, smooth=False, repeated=False).flow / REACH
    small = match(*pictures, REACH, _BLOCK, repeated=False)
    batch, rows, columns, _ = large.shape
    large = jnp.repeat(jnp.repeat(large, height // rows, axis=1), width // columns, axis=2)
    fine = jnp.concatenate([small.flow / REACH, small.best / _GREY_LEVELS, small.still / _GREY_LEVELS], axis=-1)
    fine = jax.image.resize(fine, (batch, height, width, fine.shape[-1]), "linear")
    return lax.stop_gradient(jnp.concatenate([large, fine], axis=-1))
