"""ENVC by configuration: widths, entropy models, and how a frame is predicted from the one before."""

from dataclasses import dataclass
from typing import Literal

from vqvae_jax.config import check, check_choices
from vqvae_jax.errors import UserError
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.precision import DTypeName

MULTIPLE = 64  # what sides of a picture are multiples of: hyper latents have one position to 64x64 pixels
LATENT_PIXELS = 16  # to a side of a latent position
SCALES = 3  # of the reference pyramid: 1/2, 1/4, 1/8
FINEST = 2  # pixels to a side of a position of the features
SQUARE = 12  # values of 2x2 pixels, which a position of the features has for its own
DEFORM_GROUPS = 8  # of channels that the deformable predictor moves together

PredictorName = Literal["cross_scale", "pixel_flow", "scale_space", "feature_deform"]


@dataclass(frozen=True)
class EnvcConfig:
    """I- and P-frame models. The defaults are the low-rate ones (lambda 512, 1024, 2048) without a context model."""

    clip: Triple = (7, 192, 192)
    """Frames, height, width that it is trained on."""
    intra_width: int = 128
    """Channels of the I-frame model."""
    intra_latents: int = 160
    """Its latent channels, one position to 16x16 pixels."""
    width: int = 128
    """Channels of the P-frame model; its motion decoder has half as many."""
    latents: int = 160
    """Latent channels of the residual; the motion has half as many."""
    heads: int = 4
    """Groups of channels that are sampled apart (cross_scale)."""
    points: int = 4
    """Samples of each scale (cross_scale)."""
    dropout: float = 0.0
    """In the cross-scale predictor; 0.1 in the released code, where it does nothing but in training."""
    ar: bool = False
    """Latents are coded one position after another, each seeing those before it."""
    predictor: PredictorName = "cross_scale"
    """What a P frame is predicted by."""
    refine: bool = True
    """Predictions go through convolutions, and are compared in features that are made for it."""
    residual: Literal["feature", "pixel"] = "feature"
    """What is coded of the difference to the prediction."""
    motion_input: Literal["feature", "pixel", "matching"] = "feature"
    """What the motion encoder sees of both frames; "pixel" is the paper's DVC++, "matching" is features and what block
    matching finds between the frames. Decoders are the same."""
    dtype: DTypeName = "float32"
    """Type of convolutions; entropy parameters and the places that are sampled stay float32."""

    def __post_init__(self) -> None:
        for name in ("intra_width", "intra_latents", "width", "latents", "heads", "points"):
            check(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "a whole number of at least 1")
        for name in ("width", "latents"):
            check(getattr(self, name) % 2 == 0, f"model.{name}", getattr(self, name), "an even number")
        check_choices(self, "model")
        groups = {"cross_scale": self.heads, "feature_deform": DEFORM_GROUPS}.get(self.predictor, 1)
        parted = f"a multiple of {groups} for model.predictor={self.predictor}"
        check(self.width % groups == 0, "model.width", self.width, parted)
        check(0 <= self.dropout < 1, "model.dropout", self.dropout, "a number in [0, 1)")
        self.check_size(self.clip, "config: model.clip")

    @property
    def motion_width(self) -> int:
        """Channels of the decoded motion."""
        return self.width // 2

    @property
    def motion_latents(self) -> int:
        """Latent channels of the motion."""
        return self.latents // 2

    def check_size(self, clip: Triple, where: str) -> None:
        """Raises a `UserError` that begins with `where` unless clips of (frames, height, width) fit the model."""
        for axis, size, multiple in zip(("frames", "height", "width"), clip, (1, MULTIPLE, MULTIPLE), strict=True):
            if size < multiple or size % multiple:
                raise UserError(f"{where}: {axis}={size} must be a multiple of {multiple} for this model; got {clip}")


#: Widths for lambda 3072 and 4096.
HIGH_RATE = EnvcConfig(intra_width=160, intra_latents=192, latents=192)
