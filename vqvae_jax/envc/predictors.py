"""What a P frame may be predicted by, behind one interface: `PREDICTORS[name](config, dtype)`.

A predictor is called with the reference and the decoded motion, and gives features at half the sides, or a picture of
which the frame's own feature extractor makes features. `motion` says which motion it wants: 0 for that of the motion
decoder, at half the sides; else so many channels at full ones.
"""

from typing import ClassVar, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vqvae_jax.envc.blocks import Chain, Down
from vqvae_jax.envc.config import DEFORM_GROUPS, SCALES, EnvcConfig
from vqvae_jax.envc.deformable import TAPS, DeformableConv
from vqvae_jax.envc.scale_space import read, volume
from vqvae_jax.envc.warp import CrossScaleWarp
from vqvae_jax.layers.conv2d import Conv2D
from vqvae_jax.layers.sampling import warp
from vqvae_jax.precision import EXACT, DType


class Frame(NamedTuple):
    """A frame, and its features where they are looked at."""

    pixels: Array  # [B, H, W, 3] float32, nominally in [0, 1]; of a decoded one neither clipped nor rounded
    extracted: Array | None  # `features`, where they are looked at

    @property
    def features(self) -> Array:
        """[B, H / 2, W / 2, N]."""
        assert self.extracted is not None
        return self.extracted


class CrossScale(nn.Module):
    """Weighted samples of a pyramid of features (the paper's)."""

    config: EnvcConfig
    dtype: DType = jnp.float32
    motion: ClassVar[int] = 0
    gives_frame: ClassVar[bool] = False

    @nn.compact
    def __call__(self, reference: Frame, motion_BhwC: Array) -> Array:
        c, levels = self.config, [reference.features]
        for number in range(1, SCALES):
            levels.append(Chain(Down, [c.width], refined=True, dtype=self.dtype, name=f"pyramid_{number}")(levels[-1]))
        return CrossScaleWarp(c.heads, c.points, c.dropout, self.dtype, name="warp")(levels, motion_BhwC)


class PixelFlow(nn.Module):
    """The reference moved by (dx, dy) pixels (DVC, Lu et al. 2019; without a flow network)."""

    config: EnvcConfig
    dtype: DType = jnp.float32
    motion: ClassVar[int] = 2
    gives_frame: ClassVar[bool] = True

    def __call__(self, reference: Frame, motion_BHW2: Array) -> Array:
        return warp(reference.pixels, motion_BHW2[..., ::-1])


class ScaleSpace(nn.Module):
    """The reference moved by (dx, dy) pixels and blurred by a depth in [0, 5] (Agustsson et al. 2020)."""

    config: EnvcConfig
    dtype: DType = jnp.float32
    motion: ClassVar[int] = 3
    gives_frame: ClassVar[bool] = True

    def __call__(self, reference: Frame, motion_BHW3: Array) -> Array:
        return read(volume(reference.pixels), motion_BHW3[..., 1::-1], motion_BHW3[..., 2])


class FeatureDeform(nn.Module):
    """Features by a deformable convolution, then refined beside those they came from (FVC, Hu et al. 2021)."""

    config: EnvcConfig
    dtype: DType = jnp.float32
    motion: ClassVar[int] = 0
    gives_frame: ClassVar[bool] = False

    @nn.compact
    def __call__(self, reference: Frame, motion_BhwC: Array) -> Array:
        zeros, width = nn.initializers.zeros, self.config.width
        places = Conv2D(DEFORM_GROUPS * TAPS * 2, precision=EXACT, kernel_init=zeros, bias_init=zeros, name="offsets")
        moved = DeformableConv(self.dtype, name="deform")(reference.features, places(motion_BhwC))
        x = jnp.concatenate([moved, reference.features.astype(moved.dtype)], axis=-1)
        for name in ("refine_0", "refine_1"):
            x = nn.leaky_relu(Conv2D(width, dtype=self.dtype, name=name)(x), 0.1)
        return moved + x


Predictor = CrossScale | PixelFlow | ScaleSpace | FeatureDeform
PREDICTORS: dict[str, type[Predictor]] = {
    "cross_scale": CrossScale,
    "pixel_flow": PixelFlow,
    "scale_space": ScaleSpace,
    "feature_deform": FeatureDeform,
}
