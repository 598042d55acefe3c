"""The P-frame model: motion and residual against the frame before (Guo et al. 2023, figure 2).

    x, x_ref --feat--> F, F_ref --m_fuse, m_enc--> m, 1/16
    m_hat --m_dec--> motion; F_ref, motion --predictor, process, res_pre--> prediction
    res_pre(F) - prediction --r_enc--> r, 1/16 --r_ha--> z, 1/64
    z_hat --r_hs--> (+ r_hat coded before) --prior_r--> distributions of r
    prediction + r_dec(r_hat) --recon--> x_hat, the next frame's x_ref

Sizes are shares of the picture's sides; features are at one half.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vqvae_jax.envc.blocks import Chain, Down, HyperAnalysis, HyperSynthesis, ResBlock, ResBlocks, Up
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.envc.factorized import Factorized
from vqvae_jax.envc.matching import hints
from vqvae_jax.envc.mixture import EntropyParameters, Mixture, mixture_bits
from vqvae_jax.envc.predictors import PREDICTORS, Frame
from vqvae_jax.layers.bound import bounded
from vqvae_jax.layers.conv2d import Conv2D
from vqvae_jax.precision import EXACT, compute_dtype

MOST_MOTION = 20.0  # of a motion latent, in steps of the quantiser


class InterFrame(nn.Module):
    """Weights of the P-frame model. All methods are pure.

    Encoder: `current`, `encoder_reference`, `encode_motion`, `encode_residual`, and what the decoder does.
    Decoder, in this order: `motion_parameters` (with `ar`), `reference` and `predict` of m_hat, `hyper` of z_hat,
    `parameters` of r, `reconstruct`.
    """

    config: EnvcConfig

    def setup(self) -> None:
        c = self.config
        dtype = compute_dtype(c.dtype)
        kind = PREDICTORS[c.predictor]
        n, half = c.width, c.motion_width
        pixel_motion, pixel_residual = c.motion_input == "pixel", c.residual == "pixel"

        self.feat = Chain(Down, [n], refined=True, dtype=dtype)
        if not pixel_motion:
            self.m_fuse = nn.Sequential([Conv2D(n, dtype=dtype), ResBlock(dtype=dtype)])
        self.m_enc = Chain(Down, [n] * (2 + pixel_motion) + [c.motion_latents], dtype=dtype)
        still = {"kernel_init": nn.initializers.zeros, "bias_init": _still, "dtype": jnp.float32, "precision": EXACT}
        full = [kind.motion] if kind.motion else []
        self.m_dec = Chain(Up, [half] * 3 + full, dtype=dtype, last=still if full else None)
        self.predictor = kind(c, dtype)
        if c.refine:
            self.process = nn.Sequential([Conv2D(n, dtype=dtype), ResBlocks(dtype)])
            self.res_pre = ResBlocks(dtype)
        self.r_enc = Chain(Down, [n] * (2 + pixel_residual) + [c.latents], dtype=dtype)
        self.r_dec = Chain(Up, [n] * (2 + pixel_residual) + [3 if pixel_residual else n], dtype=dtype)
        self.recon = nn.Sequential([ResBlocks(dtype), Up(3, dtype=dtype)])
        self.r_ha = HyperAnalysis(n, dtype)
        self.r_hs = HyperSynthesis(n, c.latents)
        self.prior_r = EntropyParameters(c.latents, c.ar)
        self.prior_rz = Factorized(n)
        if c.ar:
            self.context_m = EntropyParameters(c.motion_latents, True)
        else:
            self.prior_m = Factorized(c.motion_latents)

    def current(self, x_BHWC: Array) -> Frame:
        """The frame that is coded, as the encoder looks at it.

        Args:
          x_BHWC: pixels in [0, 1], sides multiples of 64.
        """
        return self._look(x_BHWC, self.config.motion_input != "pixel" or self.config.residual == "feature")

    def reference(self, frame_BHWC: Array) -> Frame:
        """The frame before as `predict` looks at it: all that a decoder needs.

        Args:
          frame_BHWC: as it was decoded, nominally in [0, 1], neither clipped nor rounded; sides multiples of 64.
        """
        return self._look(frame_BHWC, not self.predictor.gives_frame)

    def encoder_reference(self, frame_BHWC: Array) -> Frame:
        """The frame before as `encode_motion` and `predict` look at it."""
        return self._look(frame_BHWC, self.config.motion_input != "pixel" or not self.predictor.gives_frame)

    def _look(self, frame_BHWC: Array, features: bool) -> Frame:
        _, height, width, _ = frame_BHWC.shape
        self.config.check_size((1, height, width), "P frame")
        return Frame(frame_BHWC, self.feat(frame_BHWC) if features else None)

    def encode_motion(self, current: Frame, reference: Frame) -> Array:
        """Motion latents [B, H / 16, W / 16, M / 2] float32 in [-20, 20], not rounded."""
        if self.config.motion_input == "pixel":
            seen = jnp.concatenate([reference.pixels, current.pixels], axis=-1)
        else:
            found = [_hints(reference, current)] if self.config.motion_input == "matching" else []
            seen = self.m_fuse(jnp.concatenate([reference.features, current.features, *found], axis=-1))
        return bounded(self.m_enc(seen).astype(jnp.float32), -MOST_MOTION, MOST_MOTION)

    def predict(self, m_BhwM: Array, reference: Frame) -> Array:
        """What the residual is added to: features [B, H / 2, W / 2, N], or pixels [B, H, W, 3] float32."""
        found = self.predictor(reference, self.m_dec(m_BhwM))
        frames = self.predictor.gives_frame
        if self.config.residual == "pixel" and frames and not self.config.refine:
            return found
        features = self.feat(found) if frames else found
        if self.config.refine:
            features = self.process(features)
        if self.config.residual == "pixel":
            return self.recon(features).astype(jnp.float32)
        return self.res_pre(features) if self.config.refine else features

    def encode_residual(self, current: Frame, prediction: Array) -> tuple[Array, Array]:
        """Latents r [B, H / 16, W / 16, M] and z [B, H / 64, W / 64, N], float32, not rounded."""
        if self.config.residual == "pixel":
            target = current.pixels
        else:
            target = self.res_pre(current.features) if self.config.refine else current.features
        r = self.r_enc(target - prediction).astype(jnp.float32)
        return r, self.r_ha(r)

    def hyper(self, z_BhwN: Array) -> Array:
        """What z says of r: [B, H / 16, W / 16, 2 M] float32."""
        return self.r_hs(z_BhwN)

    def parameters(self, hyper_BhwH: Array, r_BhwM: Array | None, windows: bool = False) -> Mixture:
        """Distributions of r; with `ar` by those values of r alone that are coded before. See `EntropyParameters`."""
        return self.prior_r(hyper_BhwH, r_BhwM, windows)

    def motion_parameters(self, m_BhwM: Array, windows: bool = False) -> Mixture:
        """Distributions of m by those values of m that are coded before; only with `ar`."""
        return self.context_m(None, m_BhwM, windows)

    def motion_bits(self, m_BhwM: Array) -> Array:
        """Bits of each motion latent."""
        return mixture_bits(self.motion_parameters(m_BhwM), m_BhwM) if self.config.ar else self.prior_m(m_BhwM)

    def hyper_bits(self, z_BhwN: Array) -> Array:
        """Bits of each hyper latent."""
        return self.prior_rz(z_BhwN)

    def reconstruct(self, r_BhwM: Array, prediction: Array) -> Array:
        """The frame [B, H, W, 3] float32, nominally in [0, 1], not clipped."""
        return self.frame(prediction + self.r_dec(r_BhwM))

    def frame(self, prediction: Array) -> Array:
        """A prediction, with or without its residual, as a frame."""
        return (prediction if self.config.residual == "pixel" else self.recon(prediction)).astype(jnp.float32)

    def __call__(self, x_BHWC: Array, before_BHWC: Array) -> Array:
        """All of it, not rounded: what `init` needs to make all weights."""
        current, reference = self.current(x_BHWC), self.encoder_reference(before_BHWC)
        m = self.encode_motion(current, reference)
        prediction = self.predict(m, reference)
        r, z = self.encode_residual(current, prediction)
        self.motion_bits(m), self.hyper_bits(z)
        self.parameters(self.hyper(z), r)
        return self.reconstruct(r, prediction)


def _hints(reference: Frame, current: Frame) -> Array:
    """`matching.hints` at the sides of the features."""
    _, height, width, _ = current.features.shape
    return hints(reference.pixels, current.pixels, height, width).astype(current.features.dtype)


def _still(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """No motion at first; a depth between the sharp slice and the first blurred one, where a gradient tells them."""
    return jnp.asarray([0.0, 0.0, 0.5][: shape[0]], dtype)
