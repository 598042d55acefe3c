"""How codebooks move."""

from dataclasses import dataclass
from typing import Literal

from vqvae_jax.config import check, check_choices


@dataclass(frozen=True)
class QuantizerConfig:
    """EMA codebook update and revival of dead codes."""

    decay: float = 0.99
    """EMA decay of counts and sums per step."""
    revival: Literal["split", "sample", "none"] = "split"
    """Dead codes: split the most used code, take a vector of the batch, or leave them."""
    dead_below: float = 0.03
    """A code is dead when its moving-average count is below this share of a fair one."""
    revive_at_most: int = 8
    """Dead codes replaced per level and step."""
    init_noise: float = 0.01
    """Noise added to the first codes, as the standard deviation of a whole vector."""

    def __post_init__(self) -> None:
        check(0.0 <= self.decay < 1.0, "quantizer.decay", self.decay, "a number in [0, 1)")
        check_choices(self, "quantizer")
        check(0.0 <= self.dead_below < 1.0, "quantizer.dead_below", self.dead_below, "a number in [0, 1)")
        check(self.revive_at_most >= 1, "quantizer.revive_at_most", self.revive_at_most, "a whole number of at least 1")
        check(self.init_noise >= 0, "quantizer.init_noise", self.init_noise, "a number of at least 0")
