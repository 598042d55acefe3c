"""Motion: frames predicted from the last one by a flow, and a guess at the flow that an encoder can make."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.ntc.config import PATCH

CHANNELS = 3  # of motion: pixels down, pixels to the right, and how much is taken over at all
HINTS = 4 + 3 * PATCH * PATCH  # numbers that `hints` gives for a frame at a position of the fine grid
_SHARPNESS = 0.7  # of the soft minimum over displacements, per grey level of mean absolute difference
_GREY = (0.299, 0.587, 0.114)


def predict(last_BHWC: Array, motion_BFhwC: Array) -> Array:
    """Frames as the last one warped bilinearly by flows of their own.

    Args:
      last_BHWC: [B, H, W, 3], zero where nothing is known.
      motion_BFhwC: [B, F, H / 4, W / 4, CHANNELS]; displacements in pixels, interpolated bilinearly; what is taken
        over is `sigmoid` of the third.

    Returns:
      [B, F, H, W, 3].
    """
    batch, frames, rows, columns, _ = motion_BFhwC.shape
    size = batch, frames, rows * PATCH, columns * PATCH, CHANNELS
    dense = jax.image.resize(motion_BFhwC, size, "linear")
    return warp(last_BHWC, dense[..., :2]) * jax.nn.sigmoid(dense[..., 2:])


def warp(picture_BHWC: Array, flow_BFHW2: Array) -> Array:
    """Pictures [B, F, H, W, 3] whose pixels lie by `flow` (down, right) away in `picture`; edges are repeated."""
    batch, height, width, channels = picture_BHWC.shape
    frames = flow_BFHW2.shape[1]
    y = jnp.clip(jnp.arange(height, dtype=jnp.float32)[:, None] + flow_BFHW2[..., 0], 0.0, height - 1.001)
    x = jnp.clip(jnp.arange(width, dtype=jnp.float32)[None, :] + flow_BFHW2[..., 1], 0.0, width - 1.001)
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    corner = (top.astype(jnp.int32) * width + left.astype(jnp.int32)).reshape(batch, -1, 1)
    pixels = picture_BHWC.reshape(batch, height * width, channels)

    def at(offset: int) -> Array:
        found = jnp.take_along_axis(pixels, corner + offset, axis=1, mode="clip")
        return found.reshape(batch, frames, height, width, channels)

    upper = at(0) * (1 - right) + at(1) * right
    lower = at(width) * (1 - right) + at(width + 1) * right
    return upper * (1 - down) + lower * down


def hints(anchor_BHWC: Array, frames_BFHWC: Array, reach: int) -> Array:
    """What an encoder may know of motion: by block matching, a flow, how well it fits, and what it leaves.

    Args:
      anchor_BHWC: the frame before, in [-1, 1].
      frames_BFHWC: those to be coded.
      reach: greatest displacement in pixels, to either side, each axis.

    Returns:
      [B, F, H / 4, W / 4, HINTS]: flow over `reach`, cost of the best displacement and of none, differences to the
      warped anchor by pixel of the block. Nothing is to be differentiated.
    """
    batch, frames, height, width, _ = frames_BFHWC.shape
    rows, columns = height // PATCH, width // PATCH
    weights = jnp.array(_GREY, jnp.float32)
    grey, before = frames_BFHWC @ weights, anchor_BHWC @ weights
    span = 2 * reach + 1
    pool = jnp.repeat(jnp.eye(columns, dtype=jnp.float32), PATCH, axis=0) / PATCH**2
    padded = jnp.pad(before, ((0, 0), (reach, reach), (reach, reach)), mode="edge")

    def row(down: Array) -> Array:
        strip = lax.dynamic_slice_in_dim(padded, down, height, axis=1)
        shifted = jnp.stack([lax.slice_in_dim(strip, x, x + width, axis=2) for x in range(span)], axis=1)
        off = jnp.abs(shifted[:, :, None] - grey[:, None])  # [B, X, F, H, W]
        # Means over blocks: a sum over rows and a product, for a sum over two axes that are not the last is slow.
        return off.reshape(batch, span, frames, rows, PATCH, width).sum(axis=4) @ pool

    costs = jnp.moveaxis(lax.map(row, jnp.arange(span)), 0, 1).reshape(batch, span * span, frames, rows, columns)
    costs = _smooth(costs) * 127.5  # in grey levels
    chance = jax.nn.softmax(-_SHARPNESS * costs, axis=1)
    away = jnp.arange(span, dtype=jnp.float32) - reach
    flow = jnp.stack(
        [
            jnp.einsum("bdfhw,d->bfhw", chance, jnp.repeat(away, span)),
            jnp.einsum("bdfhw,d->bfhw", chance, jnp.tile(away, span)),
        ],
        axis=-1,
    )
    dense = jax.image.resize(flow, (batch, frames, height, width, 2), "linear")
    left = frames_BFHWC - warp(anchor_BHWC, dense)
    left = left.reshape(batch, frames, rows, PATCH, columns, PATCH, 3).transpose(0, 1, 2, 4, 3, 5, 6)
    fits = jnp.stack([jnp.min(costs, axis=1), costs[:, span * reach + reach]], axis=-1) / 20.0
    return jnp.concatenate([flow / max(reach, 1), fits, left.reshape(batch, frames, rows, columns, -1)], axis=-1)


def matched_flow(hints_BFhwK: Array, reach: int) -> tuple[Array, Array]:
    """The flow of `hints`, [B, F, h, w, 2] in pixels, and how sure it is: [B, F, h, w, 1] in [0, 1].

    It is sure of what fits much better than no motion does.
    """
    best, still = hints_BFhwK[..., 2:3], hints_BFhwK[..., 3:4]
    return hints_BFhwK[..., :2] * reach, jnp.clip(1.0 - best / (still + 0.05), 0.0, 1.0)


def _smooth(costs_BDFhw: Array) -> Array:
    """Weights 1 2 1 along both axes of the grid, edges repeated."""
    for axis in (3, 4):
        size = costs_BDFhw.shape[axis]
        edge = [(1, 1) if a == axis else (0, 0) for a in range(5)]
        wide = jnp.pad(costs_BDFhw, edge, mode="edge")
        before, here, after = (lax.slice_in_dim(wide, i, i + size, axis=axis) for i in range(3))
        costs_BDFhw = 0.25 * before + 0.5 * here + 0.25 * after
    return costs_BDFhw
