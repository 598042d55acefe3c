"""Frames through the models: encoded, decoded by what a decoder has, and what their latents cost.

Everything is a pure function of `params` = {"intra": ..., "inter": ...}. An encoder that closes the loop calls
`decode_intra` and `decode_inter` with whole latents: they are the decoder.
"""

from typing import Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.envc.config import LATENT_PIXELS, MULTIPLE, EnvcConfig
from vqvae_jax.envc.inter import InterFrame
from vqvae_jax.envc.intra import IntraFrame
from vqvae_jax.envc.mixture import mixture_bits
from vqvae_jax.training.state import PyTree

T = TypeVar("T")


class Intra(NamedTuple, Generic[T]):
    """One value of something for each part of an I frame's code, in the order in which parts are decoded."""

    z: T
    y: T


class Inter(NamedTuple, Generic[T]):
    """The same of a P frame."""

    m: T
    z: T
    r: T


class CodedIntra(NamedTuple):
    """I frames on their way through the model."""

    frames: Array  # [B, H, W, 3] float32, nominally in [0, 1], not clipped
    latents: Intra[Array]  # as they were decoded, [B, h, w, C] float32 each
    bits: Intra[Array]  # [B] float32 each


class CodedInter(NamedTuple):
    """P frames on their way through the model."""

    frames: Array  # [B, H, W, 3] float32, nominally in [0, 1], not clipped
    predicted: Array  # [B, H, W, 3] float32: frames without their residuals
    latents: Inter[Array]  # as they were decoded, [B, h, w, C] float32 each
    bits: Inter[Array]  # [B] float32 each


def init_params(config: EnvcConfig, key: Array) -> PyTree:
    """Fresh weights, {"intra": ..., "inter": ...}. They do not depend on the size of pictures.

    Not to be compiled as a whole: hundreds of random draws in one program take XLA minutes, one by one they share what
    is compiled for their shape.
    """
    intra_key, inter_key = jax.random.split(key)
    x = jax.ShapeDtypeStruct((1, MULTIPLE, MULTIPLE, 3), jnp.float32)
    return {
        "intra": IntraFrame(config).lazy_init(intra_key, x)["params"],
        "inter": InterFrame(config).lazy_init(inter_key, x, x)["params"],
    }


class Quantised(NamedTuple):
    """Latents in place of which a file has whole numbers."""

    seen: Array  # by decoders
    priced: Array  # by priors


def quantised(values: Array, noise: Array | None, straight: bool = False) -> Quantised:
    """Latents rounded, with no gradient, or with the noise that stands for it in training.

    `straight` has decoders see them rounded all the same, with the gradient of what was not (Minnen and Singh 2020).
    """
    whole = lax.stop_gradient(jnp.round(values))
    if noise is None:
        return Quantised(whole, whole)
    noisy = values + noise
    return Quantised(values + lax.stop_gradient(whole - values) if straight else noisy, noisy)


def intra_shapes(config: EnvcConfig, batch: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """Shapes of an I frame's latents, by the names of `Intra`."""
    z = (batch, height // MULTIPLE, width // MULTIPLE, config.intra_width)
    return {"z": z, "y": (batch, height // LATENT_PIXELS, width // LATENT_PIXELS, config.intra_latents)}


def inter_shapes(config: EnvcConfig, batch: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a P frame's latents, by the names of `Inter`."""
    grid = batch, height // LATENT_PIXELS, width // LATENT_PIXELS
    z = (batch, height // MULTIPLE, width // MULTIPLE, config.width)
    return {"m": (*grid, config.motion_latents), "z": z, "r": (*grid, config.latents)}


def code_intra(
    config: EnvcConfig, params: PyTree, x_BHWC: Array, noise: Intra[Array] | None = None, straight: bool = False
) -> CodedIntra:
    """I frames encoded and decoded.

    Args:
      config: the model.
      params: of `init_params`.
      x_BHWC: pixels in [0, 1], sides multiples of 64.
      noise: in [-1/2, 1/2), shaped as `intra_shapes`; without it latents are rounded and pass no gradient.
      straight: see `quantised`.
    """
    model = intra(config, params)
    y, z = model.analyse(x_BHWC)
    both = [quantised(v, n, straight) for v, n in zip((z, y), noise or (None, None), strict=True)]
    seen, priced = Intra(*(part.seen for part in both)), Intra(*(part.priced for part in both))
    return CodedIntra(decode_intra(config, params, seen), seen, intra_bits(config, params, priced))


def code_inter(
    config: EnvcConfig,
    params: PyTree,
    x_BHWC: Array,
    before_BHWC: Array,
    noise: Inter[Array] | None = None,
    dropout: Array | None = None,
    straight: bool = False,
) -> CodedInter:
    """P frames encoded and decoded.

    Args:
      config: the model.
      params: of `init_params`.
      x_BHWC: pixels in [0, 1], sides multiples of 64.
      before_BHWC: the frames before, as decoded.
      noise: in [-1/2, 1/2), shaped as `inter_shapes`; without it latents are rounded and pass no gradient.
      dropout: key, for `config.dropout`; without it nothing is dropped.
      straight: see `quantised`.
    """
    model = inter(config, params, dropout)
    noise_m, noise_z, noise_r = noise or (None, None, None)
    current, reference = model.current(x_BHWC), model.encoder_reference(before_BHWC)
    m = quantised(model.encode_motion(current, reference), noise_m, straight)
    prediction = model.predict(m.seen, reference)
    residual, hyper = model.encode_residual(current, prediction)
    both = m, quantised(hyper, noise_z, straight), quantised(residual, noise_r, straight)
    seen, priced = Inter(*(part.seen for part in both)), Inter(*(part.priced for part in both))
    frames = model.reconstruct(seen.r, prediction)
    return CodedInter(frames, model.frame(prediction), seen, inter_bits(config, params, priced))


def decode_intra(config: EnvcConfig, params: PyTree, latents: Intra[Array]) -> Array:
    """I frames of their latents: [B, H, W, 3] float32, nominally in [0, 1], not clipped."""
    return intra(config, params).synthesise(latents.y)


def decode_inter(config: EnvcConfig, params: PyTree, latents: Inter[Array], before_BHWC: Array) -> Array:
    """P frames of their latents and the frames before, as decoded: [B, H, W, 3] float32, not clipped."""
    model = inter(config, params)
    return model.reconstruct(latents.r, model.predict(latents.m, model.reference(before_BHWC)))


def intra_bits(config: EnvcConfig, params: PyTree, latents: Intra[Array]) -> Intra[Array]:
    """Bits of the parts of I frames, [B] float32 each; latents whole or with noise."""
    model = intra(config, params)
    found = model.parameters(model.hyper(latents.z), latents.y)
    return Intra(_summed(model.hyper_bits(latents.z)), _summed(mixture_bits(found, latents.y)))


def inter_bits(config: EnvcConfig, params: PyTree, latents: Inter[Array]) -> Inter[Array]:
    """Bits of the parts of P frames, [B] float32 each; latents whole or with noise."""
    model = inter(config, params)
    found = model.parameters(model.hyper(latents.z), latents.r)
    each = model.motion_bits(latents.m), model.hyper_bits(latents.z), mixture_bits(found, latents.r)
    return Inter(*(_summed(part) for part in each))


def intra(config: EnvcConfig, params: PyTree) -> IntraFrame:
    """The I-frame model with its weights: its methods are the codec's steps."""
    return IntraFrame(config).bind({"params": params["intra"]})


def inter(config: EnvcConfig, params: PyTree, dropout: Array | None = None) -> InterFrame:
    """The P-frame model with its weights: its methods are the codec's steps."""
    return InterFrame(config).bind({"params": params["inter"]}, rngs=None if dropout is None else {"dropout": dropout})


def _summed(bits_BhwC: Array) -> Array:
    return jnp.sum(bits_BhwC, axis=(1, 2, 3))
