"""NTC by configuration: the transform, its recurrence over units of four frames, the prior, and the rates."""

import math
from dataclasses import dataclass
from typing import Literal

from vqvae_jax.config import check, check_choices
from vqvae_jax.errors import UserError
from vqvae_jax.layers.kinds import Lowering, Triple
from vqvae_jax.precision import DTypeName

UNIT = 4  # frames that are coded together
SLICES = 2  # of a unit, of two frames each
PATCH = 4  # pixels to a side of a fine position; a coarse one has twice that
MULTIPLE = 2 * PATCH  # what sides are multiples of
GROUPS = 4  # of latent channels, as many as there are classes of positions in a square of two by two
RATE_STEPS = 64  # rate numbers from one trained lambda to the next


@dataclass(frozen=True)
class NtcConfig:
    """The model. The defaults are `ntc`'s."""

    clip: Triple = (32, 64, 64)
    """Frames, height, width that it is trained on; a group of pictures has so many frames by default."""
    width: int = 128
    """Channels of a slice on the fine grid, one position to 4x4 pixels."""
    coarse_width: int = 192
    """Channels on the coarse grid, one position to 8x8 pixels."""
    latents: int = 64
    """Latent channels on the coarse grid, for four frames."""
    analysis_blocks: int = 1
    """Fine blocks before the encoder sees the context; they see every unit at once."""
    encoder_blocks: int = 1
    """Fine blocks behind it."""
    coarse_blocks: int = 2
    """Coarse blocks, of the encoder and of the decoder each."""
    decoder_blocks: int = 2
    """Fine blocks of the decoder before it predicts the frames."""
    refine_blocks: int = 2
    """Fine blocks behind the prediction."""
    motion: bool = False
    """Each frame is first predicted by a warp of the one before; otherwise all by the last one before the unit."""
    reach: int = 0
    """Pixels to either side that block matching looks at."""
    hints: Literal["none", "matching"] = "none"
    """What the encoder is shown of motion besides the frames: how well each displacement of a block fits."""
    prior_width: int = 128
    """Hidden units of the prior."""
    prior_units: int = 2
    """Units before a latent's own that the prior sees, at most 2."""
    lambdas: tuple[float, ...] = (2e-4, 4e-4, 8e-4, 1.6e-3, 3.2e-3, 6.4e-3)
    """What a squared error (of 8-bit values) is worth in bits, ascending; rates between them are interpolated."""
    recurrence: Literal["auto", "unroll", "scan"] = "auto"
    """How units follow each other in the program: convolutions in a `scan` are six times slower on a CPU."""
    dtype: DTypeName = "float32"
    """Type of convolutions; the prior, norms and losses stay float32."""
    lowering: Lowering = "auto"
    """How convolutions are handed to XLA."""

    def __post_init__(self) -> None:
        for name in ("width", "coarse_width", "latents", "prior_width"):
            check(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "a whole number of at least 1")
        for name in ("analysis_blocks", "encoder_blocks", "coarse_blocks", "decoder_blocks", "refine_blocks"):
            check(getattr(self, name) >= 0, f"model.{name}", getattr(self, name), "a whole number of at least 0")
        check(0 <= self.prior_units <= 2, "model.prior_units", self.prior_units, "0, 1 or 2")
        check(0 <= self.reach <= 16, "model.reach", self.reach, "a whole number in [0, 16]")
        check(self.latents % GROUPS == 0, "model.latents", self.latents, f"a multiple of {GROUPS}")
        rising = len(self.lambdas) > 1 and self.lambdas[0] > 0 and list(self.lambdas) == sorted(set(self.lambdas))
        check(rising, "model.lambdas", self.lambdas, "two or more numbers above 0, ascending")
        check_choices(self, "model")
        expected = "above 0 with model.hints=matching, else 0"
        check((self.hints == "matching") == (self.reach > 0), "model.reach", self.reach, expected)
        self.check_size(self.clip, "config: model.clip")

    @property
    def rates(self) -> int:
        """Number of rates: rate numbers lie in [0, rates)."""
        return (len(self.lambdas) - 1) * RATE_STEPS + 1

    def lagrangian(self, rate: float) -> float:
        """Lambda of a rate number: geometric between the trained ones."""
        place = min(int(rate) // RATE_STEPS, len(self.lambdas) - 2)
        low, high = math.log(self.lambdas[place]), math.log(self.lambdas[place + 1])
        return math.exp(low + (high - low) * (rate / RATE_STEPS - place))

    def check_size(self, clip: Triple, where: str) -> None:
        """Raises a `UserError` naming axis, size and multiple unless units and patches divide the clip."""
        multiples = (UNIT, MULTIPLE, MULTIPLE)
        for axis, size, multiple in zip(("frames", "height", "width"), clip, multiples, strict=True):
            if size < multiple or size % multiple:
                raise UserError(f"{where}: {axis}={size} must be a multiple of {multiple} for this model; got {clip}")
