"""Clips through the models: an I frame, then P frames, each predicted from the one before as it was decoded."""

import contextlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.envc.coding import Inter, Intra, code_inter, code_intra, inter_shapes, intra_shapes
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.layers.conv3d import within_loop
from vqvae_jax.target import platform
from vqvae_jax.training.state import PyTree


class ClipNoise(NamedTuple):
    """What stands for rounding, in [-1/2, 1/2); latents for which there is none are rounded and pass no gradient."""

    intra: Intra | None = None  # [B, h, w, C] each
    inter: Inter | None = None  # [B, T - 1, h, w, C] each


class CodedClip(NamedTuple):
    """Clips on their way through the models. T frames, of which the first may be given."""

    frames: Array  # [B, T, H, W, 3] float32, nominally in [0, 1], not clipped
    predicted: Array | None  # [B, T - 1, H, W, 3] float32: P frames without their residuals, if asked for
    intra_bits: Intra | None  # [B] float32 each; None if the first frame is given
    inter_bits: Inter | None  # [B, T - 1] float32 each; None if there is no other frame

    @property
    def bits(self) -> Array:
        """Of every frame that is coded, [B, T] or [B, T - 1] float32."""
        i = [] if self.intra_bits is None else [summed(self.intra_bits)[:, None]]
        p = [] if self.inter_bits is None else [summed(self.inter_bits)]
        return jnp.concatenate([*i, *p], axis=1)


def summed(bits: Intra | Inter) -> Array:
    """Of all parts of a frame's code."""
    return jnp.sum(jnp.stack(bits), axis=0)


def draw_noise(
    config: EnvcConfig, key: Array, clip: tuple[int, int, int, int], intra: bool = True, inter: bool = True
) -> ClipNoise:
    """Uniform noise for (B, T, H, W) clips' I frames, P frames, or both."""
    batch, frames, height, width = clip
    keys = jax.random.split(key, 2)

    def drawn(key: Array, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
        each = zip(jax.random.split(key, len(shapes)), shapes.items(), strict=True)
        return {name: jax.random.uniform(k, shape, minval=-0.5, maxval=0.5) for k, (name, shape) in each}

    shapes = inter_shapes(config, batch, height, width)
    over_time = {name: (batch, frames - 1, *rest) for name, (_, *rest) in shapes.items()}
    return ClipNoise(
        Intra(**drawn(keys[0], intra_shapes(config, batch, height, width))) if intra else None,
        Inter(**drawn(keys[1], over_time)) if inter and frames > 1 else None,
    )


def code_clip(
    config: EnvcConfig,
    params: PyTree,
    x_BTHWC: Array,
    noise: ClipNoise | None = None,
    *,
    given: bool = False,
    predicted: bool = False,
    dropout: Array | None = None,
    straight: bool = False,
    looped: bool = False,
) -> CodedClip:
    """Clips encoded and decoded in a closed loop.

    Args:
      config: the models.
      params: of `init_params`.
      x_BTHWC: pixels in [0, 1], sides multiples of 64.
      noise: of `draw_noise`; without it all latents are rounded.
      given: the first frame is there as it is, and costs nothing.
      predicted: also what P frames are without their residuals.
      dropout: key, for `config.dropout`; without it nothing is dropped.
      straight: where there is noise decoders see rounded latents nevertheless; see `quantised`.
      looped: on a CPU P frames are a loop's body, which is compiled once and takes about twice as long; elsewhere they
        always are.
    """
    noise = noise or ClipNoise()
    first = None if given else code_intra(config, params, x_BTHWC[:, 0], noise.intra, straight)
    start = x_BTHWC[:, 0] if first is None else first.frames
    bits = None if first is None else first.bits
    count = x_BTHWC.shape[1] - 1
    if count == 0:
        return CodedClip(start[:, None], None, bits, None)

    def one(before: Array, each: tuple[Array, Inter | None, Array | None]) -> tuple[Array, Any]:
        coded = code_inter(config, params, each[0], before, each[1], each[2], straight)
        return coded.frames, (coded.frames, coded.predicted if predicted else None, coded.bits)

    by_time = jax.tree.map(lambda values: jnp.moveaxis(values, 1, 0), (x_BTHWC[:, 1:], noise.inter))
    keys = None if dropout is None else jax.random.split(dropout, count)
    # On a CPU convolutions are fastest outside of loops, where every frame is compiled anew.
    with within_loop() if looped else contextlib.nullcontext():
        unroll = 0 if platform() == "cpu" and not looped else 1
        _, found = lax.scan(one, start, (*by_time, keys), unroll=unroll)
    frames, predictions, inter_bits = jax.tree.map(lambda values: jnp.moveaxis(values, 0, 1), found)
    return CodedClip(jnp.concatenate([start[:, None], frames], axis=1), predictions, bits, inter_bits)
