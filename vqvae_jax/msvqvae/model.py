"""MS-VQ-VAE: VQ-VAE-2's wiring (Razavi et al. 2019) on 3-D grids.

    x -- Stem, blocks --> h_b -- down, blocks --> z_t -- quantise --> q_t -- blocks, up --> d_t
                           |                                                                |
                           +---------- concat(h_b, d_t), 1x1x1 --> z_b -- quantise --> q_b  |
                                                                                        |   |
                                    x_hat <-- blocks, up <-- concat(q_b, d_t), 1x1x1 <--+---+

The module holds weights only; codebooks are explicit state, passed in.
"""

from functools import partial
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vqvae_jax.layers.blocks import ResidualStack
from vqvae_jax.layers.conv3d import Conv3D
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.layers.resample import Down, Head, Stem, Up
from vqvae_jax.layers.weight import weight
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.precision import compute_dtype
from vqvae_jax.quantization.codebook import Codebooks, Quantized, quantize, straight_through, unit_mean_square
from vqvae_jax.training.state import PyTree


class Level(NamedTuple):
    """One level of an encoded clip."""

    z: Array  # [B, t, h, w, D] float32, before quantisation
    quantized: Quantized  # indices [B, t, h, w]


class Forward(NamedTuple):
    """A clip on its way through the model."""

    reconstruction: Array  # [B, T, H, W, 3] float32, nominally in [0, 1], not clipped
    levels: dict[str, Level]  # "top" (if any), "bottom"


class MSVQVAE(nn.Module):
    """Encoder and decoder of one or two levels, as configured. All methods are pure."""

    config: ModelConfig

    def setup(self) -> None:
        c = self.config
        dtype = compute_dtype(c.dtype)
        conv = partial(Conv3D, lowering=c.lowering, dtype=dtype)
        stack = partial(ResidualStack, kind=c.block, groups=c.groups, norm=c.norm, lowering=c.lowering, dtype=dtype)
        resample: dict[str, Any] = {"kind": c.resample, "lowering": c.lowering, "dtype": dtype}

        self.stem = Stem(c.width, c.bottom.strides, early_width=c.early_width, **resample)
        self.encoder = stack(depth=c.encoder_blocks, hidden=c.hidden)
        if c.top is not None:
            ratio = _ratio(c.top.strides, c.bottom.strides)
            self.top_down = Down(c.top_width, ratio, **resample)
            self.top_encoder = stack(depth=c.top_blocks, hidden=c.top_hidden)
            self.top_code = conv(features=c.top.dim, kernel=(1, 1, 1))
            self.top_decoder_in = conv(features=c.top_width, kernel=(1, 1, 1))
            self.top_decoder = stack(depth=c.top_blocks, hidden=c.top_hidden)
            self.top_up = Up(c.top_width, ratio, **resample)
        self.bottom_code = conv(features=c.bottom.dim, kernel=(1, 1, 1))
        if c.top is not None and c.level_dropout > 0:
            # Stands for the bottom codes where they are dropped: in training by chance, in a preview always.
            self.dropped_bottom = weight(self, "dropped_bottom", nn.initializers.zeros, (c.bottom.dim,))
        self.decoder_in = conv(features=c.width, kernel=(1, 1, 1))
        self.decoder = stack(depth=c.decoder_blocks, hidden=c.hidden)
        self.head = Head(c.bottom.strides, early_width=c.early_width, **resample)

    def __call__(self, x_BTHWC: Array, codebooks: Codebooks, drop_bottom_B: Array | None = None) -> Forward:
        """Encodes, quantises and decodes.

        Args:
          x_BTHWC: [B, T, H, W, 3] float in [0, 1]; T, H, W multiples of `config.multiple`.
          codebooks: one per level of the configuration.
          drop_bottom_B: [B] bool; where true the decoder sees a learned vector instead of the bottom codes.

        Raises:
          UserError: if a size is no multiple of the strides.
        """
        h_b = self.encode_features(x_BTHWC)
        levels = {}
        d_t = None
        if self.config.top is not None:
            z_t = self.encode_top(h_b)
            q_t = quantize(codebooks["top"], z_t)
            levels["top"] = Level(z_t, q_t)
            d_t = self.decode_top(straight_through(z_t, q_t.values))
        z_b = self.encode_bottom(h_b, d_t)
        q_b = quantize(codebooks["bottom"], z_b)
        levels["bottom"] = Level(z_b, q_b)
        return Forward(self.decode(straight_through(z_b, q_b.values), d_t, drop_bottom_B), levels)

    def encode_features(self, x_BTHWC: Array) -> Array:
        """[B, T, H, W, 3] in [0, 1] -> features on the bottom grid, [B, t, h, w, width]."""
        _, frames, height, width, _ = x_BTHWC.shape
        self.config.check_size((frames, height, width), "model input")
        return self.encoder(self.stem(2.0 * x_BTHWC - 1.0))

    def encode_top(self, h_b: Array) -> Array:
        """Bottom-grid features -> top vectors before quantisation, float32, [B, t', h', w', D]."""
        return self._to_look_up(self.top_code(self.top_encoder(self.top_down(h_b))))

    def decode_top(self, q_t: Array) -> Array:
        """Top codes [B, t', h', w', D] -> coarse features on the bottom grid, [B, t, h, w, top_width]."""
        return self.top_up(self.top_decoder(self.top_decoder_in(q_t)))

    def encode_bottom(self, h_b: Array, d_t: Array | None) -> Array:
        """Features and the decoded top -> bottom vectors before quantisation, float32, [B, t, h, w, D]."""
        return self._to_look_up(self.bottom_code(_concat(h_b, d_t)))

    def decode(self, q_b: Array, d_t: Array | None, drop_bottom_B: Array | None = None) -> Array:
        """Bottom codes and the decoded top -> [B, T, H, W, 3] float32, nominally in [0, 1]."""
        if drop_bottom_B is not None:
            q_b = jnp.where(drop_bottom_B[:, None, None, None, None], self.dropped_bottom, q_b)
        features = self.decoder(self.decoder_in(_concat(q_b, d_t)))
        return 0.5 + 0.5 * self.head(features).astype(jnp.float32)

    def _to_look_up(self, z: Array) -> Array:
        z = z.astype(jnp.float32)
        return unit_mean_square(z) if self.config.unit_codes else z


def apply_model(
    model: MSVQVAE, params: PyTree, x_BTHWC: Array, codebooks: Codebooks, drop_bottom_B: Array | None = None
) -> Forward:
    """`MSVQVAE.__call__` with its weights: pure, typed."""
    return cast(Forward, model.apply(params, x_BTHWC, codebooks, drop_bottom_B))


def _ratio(coarse: Triple, fine: Triple) -> Triple:
    return coarse[0] // fine[0], coarse[1] // fine[1], coarse[2] // fine[2]


def _concat(features: Array, d_t: Array | None) -> Array:
    return features if d_t is None else jnp.concatenate([features.astype(d_t.dtype), d_t], axis=-1)
