"""The I-frame model: a picture alone, by an autoencoder and a hyperprior.

x --g_a--> y, 1/16 --h_a--> z, 1/64
z_hat --h_s--> (+ y_hat coded before) --prior_y--> distributions of y;  y_hat --g_s--> x_hat
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vqvae_jax.envc.blocks import Chain, Down, HyperAnalysis, HyperSynthesis, Up
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.envc.factorized import Factorized
from vqvae_jax.envc.mixture import EntropyParameters, Mixture
from vqvae_jax.precision import compute_dtype


class IntraFrame(nn.Module):
    """Weights of the I-frame model. All methods are pure.

    Encoder: `analyse`. Decoder, in this order: `hyper` of z_hat, `parameters` of y, `synthesise` of y_hat.
    """

    config: EnvcConfig

    def setup(self) -> None:
        c = self.config
        dtype = compute_dtype(c.dtype)
        width, latents = c.intra_width, c.intra_latents
        self.g_a = Chain(Down, [width] * 3 + [latents], dtype=dtype)
        self.g_s = Chain(Up, [width] * 3 + [3], dtype=dtype)
        self.h_a = HyperAnalysis(width, dtype)
        self.h_s = HyperSynthesis(width, latents)
        self.prior_y = EntropyParameters(latents, c.ar)
        self.prior_z = Factorized(width)

    def analyse(self, x_BHWC: Array) -> tuple[Array, Array]:
        """Latents y [B, H / 16, W / 16, M] and z [B, H / 64, W / 64, N], float32, not rounded.

        Args:
          x_BHWC: pixels in [0, 1], sides multiples of 64.
        """
        _, height, width, _ = x_BHWC.shape
        self.config.check_size((1, height, width), "I frame")
        y = self.g_a(x_BHWC).astype(jnp.float32)
        return y, self.h_a(y)

    def hyper(self, z_BhwN: Array) -> Array:
        """What z says of y: [B, H / 16, W / 16, 2 M] float32."""
        return self.h_s(z_BhwN)

    def parameters(self, hyper_BhwH: Array, y_BhwM: Array | None, windows: bool = False) -> Mixture:
        """Distributions of y; with `ar` by those values of y alone that are coded before. See `EntropyParameters`."""
        return self.prior_y(hyper_BhwH, y_BhwM, windows)

    def hyper_bits(self, z_BhwN: Array) -> Array:
        """Bits of each hyper latent."""
        return self.prior_z(z_BhwN)

    def synthesise(self, y_BhwM: Array) -> Array:
        """A picture [B, H, W, 3] float32, nominally in [0, 1], not clipped."""
        return self.g_s(y_BhwM).astype(jnp.float32)

    def __call__(self, x_BHWC: Array) -> Array:
        """All of it, not rounded: what `init` needs to make all weights."""
        y, z = self.analyse(x_BHWC)
        self.hyper_bits(z)
        self.parameters(self.hyper(z), y)
        return self.synthesise(y)
