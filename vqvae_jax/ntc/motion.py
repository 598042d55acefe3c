"""Motion: frames each warped from the one before and changed, and a guess at the flow that an encoder can make."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.layers.matching import Match, match
from vqvae_jax.layers.sampling import warp
from vqvae_jax.ntc.config import PATCH

HINTS = 4 + 3 * PATCH * PATCH  # numbers that `hints` gives for a frame at a position of the fine grid
_LEVELS = 20.0  # of grey to one of the numbers that say how well it fits


def chain(last_BHWC: Array, flow_BFhw2: Array, change_BFHWC: Array) -> Array:
    """Frames, each the one before it warped bilinearly, and changed.

    Args:
      last_BHWC: [B, H, W, 3], the frame before the first; zero where nothing is known.
      flow_BFhw2: [B, F, H / 4, W / 4, 2], pixels down and to the right, interpolated bilinearly.
      change_BFHWC: [B, F, H, W, 3], what is added to each.

    Returns:
      [B, F, H, W, 3].
    """

    def one(before: Array, parts: tuple[Array, Array]) -> tuple[Array, Array]:
        flow, change = parts
        frame = warp(before, flow) + change
        return frame, frame

    by_frame = jnp.moveaxis(densely(flow_BFhw2), 1, 0), jnp.moveaxis(change_BFHWC, 1, 0)
    return jnp.moveaxis(lax.scan(one, last_BHWC, by_frame)[1], 0, 1)


def densely(flow_BFhw2: Array) -> Array:
    """A flow of the fine grid for every pixel: [B, F, H, W, 2]."""
    batch, frames, rows, columns, _ = flow_BFhw2.shape
    return jax.image.resize(flow_BFhw2, (batch, frames, rows * PATCH, columns * PATCH, 2), "linear")


def hints(frames_BTHWC: Array, reach: int, before_BHWC: Array | None = None) -> Array:
    """What an encoder may know of motion: by block matching with the frame before, a flow, its fit, what it leaves.

    Args:
      frames_BTHWC: in [-1, 1].
      reach: greatest displacement in pixels, to either side, each axis.
      before_BHWC: the frame before the first; without it the first frame's hints are zeros.

    Returns:
      [B, T, H / 4, W / 4, HINTS]: flow over `reach`, cost of the best displacement and of none, differences to the
      warped frame before by pixel of the block. Nothing is to be differentiated.
    """
    batch, frames, height, width, _ = frames_BTHWC.shape
    first = frames_BTHWC[:, 0] if before_BHWC is None else before_BHWC
    before = jnp.concatenate([first[:, None], frames_BTHWC[:, :-1]], axis=1)
    old, new = (part.reshape(batch * frames, height, width, 3) for part in (before, frames_BTHWC))
    found = _matched(old, new, reach).reshape(batch, frames, height // PATCH, width // PATCH, HINTS)
    return found if before_BHWC is not None else found.at[:, 0].set(0.0)


def _matched(before_NHWC: Array, frames_NHWC: Array, reach: int) -> Array:
    """`hints` of pairs of pictures, [N, H / 4, W / 4, HINTS]."""
    number, height, width, _ = frames_NHWC.shape
    rows, columns = height // PATCH, width // PATCH
    flow, best, still = match(before_NHWC, frames_NHWC, reach, PATCH)
    left = frames_NHWC - warp(before_NHWC, densely(flow[:, None])[:, 0])
    left = left.reshape(number, rows, PATCH, columns, PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
    return jnp.concatenate(
        [flow / max(reach, 1), best / _LEVELS, still / _LEVELS, left.reshape(number, rows, columns, -1)], axis=-1
    )


def matched_flow(hints_BFhwK: Array, reach: int) -> tuple[Array, Array]:
    """The flow of `hints`, [B, F, h, w, 2] in pixels, and how sure it is: [B, F, h, w, 1] in [0, 1]."""
    flow, best, still, _ = jnp.split(hints_BFhwK, (2, 3, 4), axis=-1)
    found = Match(flow * reach, best * _LEVELS, still * _LEVELS)
    return found.flow, found.certainty
