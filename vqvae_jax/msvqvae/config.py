"""The model family, by configuration."""

from dataclasses import dataclass, field

from vqvae_jax.config import check, check_choices
from vqvae_jax.errors import UserError
from vqvae_jax.layers.kinds import BlockKind, Lowering, NormKind, ResampleKind, Triple
from vqvae_jax.precision import DTypeName


@dataclass(frozen=True)
class LevelConfig:
    """One quantised level."""

    strides: Triple
    """Pixels per latent position along time, height, width."""
    codes: int = 1024
    """K, codebook entries."""
    dim: int = 128
    """D, width of a code."""

    def check(self, where: str) -> None:
        check(min(self.strides) >= 1, f"{where}.strides", self.strides, "three whole numbers of at least 1")
        check(2 <= self.codes <= 65536, f"{where}.codes", self.codes, "a whole number in [2, 65536]")
        check(self.dim >= 1, f"{where}.dim", self.dim, "a whole number of at least 1")


@dataclass(frozen=True)
class ModelConfig:
    """MS-VQ-VAE and its relatives. The defaults are the paper's two-level model, 18.5 M parameters."""

    bottom: LevelConfig = field(default_factory=lambda: LevelConfig((2, 4, 4)))
    """The fine level."""
    top: LevelConfig | None = field(default_factory=lambda: LevelConfig((4, 8, 8)))
    """The coarse level, decoded first; none for a single-level VQ-VAE."""
    clip: Triple = (32, 64, 64)
    """Frames, height, width of a training clip. Weights do not depend on it."""
    width: int = 256
    """Channels on the bottom grid."""
    hidden: int = 128
    """Channels inside a residual block of the bottom grid."""
    encoder_blocks: int = 5
    """Residual blocks before the bottom code."""
    decoder_blocks: int = 5
    """Residual blocks after it."""
    top_width: int = 96
    """Channels on the top grid."""
    top_hidden: int = 48
    """Channels inside a residual block of the top grid."""
    top_blocks: int = 4
    """Residual blocks on each side of the top code."""
    early_width: int = 96
    """Channels between the stages of the stem and of the output head (resample=conv)."""
    resample: ResampleKind = "conv"
    """Between grids: strided convolutions, or patches (space-to-depth and 1x1x1)."""
    block: BlockKind = "full"
    """Residual blocks of 3x3x3 + 1x1x1 or of 1x3x3 + 3x1x1 convolutions."""
    groups: int = 1
    """Groups of the convolutions inside residual blocks."""
    norm: NormKind = "rms"
    """Per-position normalisation over channels."""
    unit_codes: bool = False
    """Vectors and codes of unit mean square: the nearest code is the one of least angle (Yu et al. 2022, 3.2)."""
    level_dropout: float = 0.1
    """Probability that a clip's bottom codes are replaced by a learned vector, so that the top level decodes alone."""
    dtype: DTypeName = "float32"
    """Type of convolutions; parameters, norms, losses and codebooks stay float32."""
    lowering: Lowering = "auto"
    """How convolutions are handed to XLA."""

    def __post_init__(self) -> None:
        self.bottom.check("model.bottom")
        for name in ("width", "hidden", "top_width", "top_hidden", "early_width", "groups"):
            check(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "a whole number of at least 1")
        for name in ("encoder_blocks", "decoder_blocks", "top_blocks"):
            check(getattr(self, name) >= 0, f"model.{name}", getattr(self, name), "a whole number of at least 0")
        check_choices(self, "model")
        check(0.0 <= self.level_dropout < 1.0, "model.level_dropout", self.level_dropout, "a number in [0, 1)")
        if self.resample == "conv":
            power = all(s & (s - 1) == 0 for s in self.bottom.strides) and max(self.bottom.strides) > 1
            check(power, "model.bottom.strides", self.bottom.strides, "powers of two for model.resample=conv")
        widths = [("width", self.width), ("hidden", self.hidden)]
        if self.top is not None:
            self.top.check("model.top")
            widths += [("top_width", self.top_width), ("top_hidden", self.top_hidden)]
            multiple = all(t % b == 0 for t, b in zip(self.top.strides, self.bottom.strides, strict=True))
            expected = f"multiples of model.bottom.strides={self.bottom.strides}"
            check(multiple, "model.top.strides", self.top.strides, expected)
        for name, value in widths:
            check(value % self.groups == 0, f"model.{name}", value, f"a multiple of model.groups={self.groups}")
        self.check_size(self.clip, "config: model.clip")

    @property
    def levels(self) -> dict[str, LevelConfig]:
        """The quantised levels, coarse first: the order in which they are decoded and written."""
        return {"bottom": self.bottom} if self.top is None else {"top": self.top, "bottom": self.bottom}

    @property
    def multiple(self) -> Triple:
        """What frames, height and width must be multiples of."""
        return self.bottom.strides if self.top is None else self.top.strides

    def latent_shape(self, level: str, clip: Triple) -> Triple:
        """Grid of `level`'s indices for a clip of (frames, height, width)."""
        t, h, w = self.levels[level].strides
        return clip[0] // t, clip[1] // h, clip[2] // w

    def check_size(self, clip: Triple, where: str) -> None:
        """Raises a `UserError` naming axis, size and multiple unless the strides divide the clip."""
        for axis, size, multiple in zip(("frames", "height", "width"), clip, self.multiple, strict=True):
            if size < multiple or size % multiple:
                raise UserError(f"{where}: {axis}={size} must be a multiple of {multiple} for this model; got {clip}")
