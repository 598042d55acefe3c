"""How clips are fed to training, as one frozen dataclass."""

import dataclasses
from typing import Literal

from vqvae_jax.config import check, check_choices


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """The training input. None of `source`, `workers` and `threads` changes which clips come in which order.

    Raises:
      ConfigError: if a field is outside its allowed values.
    """

    source: Literal["auto", "grain", "memory"] = "auto"
    """auto: in memory for .npy data sets and for splits that fit (4 GiB decoded), else Grain."""
    batch_size: int = 8
    """Clips per step over all processes and devices."""
    frames: int = 32
    """Frames of a record that a step sees; validation and use see whole clips."""
    flip: bool = True
    """Mirror every second clip left to right, at random."""
    temporal_jitter: bool = False
    """Start at a random frame of records that are longer than `frames`, instead of the first."""
    crop: tuple[int, int] | None = None
    """Height and width of a part of the picture, at a random place, that a step sees; none for all of it."""
    seed: int = 0
    """Of order and augmentation."""
    workers: int = 0
    """Grain processes that read and decode; 0 reads in this process."""
    threads: int = 4
    """Grain threads per process."""
    on_corrupt: Literal["stop", "skip"] = "stop"
    """What to do with a record that cannot be read: stop and name its file, or take another and count it."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        check(self.batch_size >= 1, "data.batch_size", self.batch_size, "at least 1")
        check(self.frames >= 1, "data.frames", self.frames, "at least 1")
        whole = self.crop is None or min(self.crop) >= 1
        check(whole, "data.crop", self.crop, "None, or two whole numbers of at least 1")
        check(0 <= self.seed < 2**32, "data.seed", self.seed, "an integer in [0, 2**32)")
        check(0 <= self.workers <= 256, "data.workers", self.workers, "an integer in [0, 256]")
        check(1 <= self.threads <= 256, "data.threads", self.threads, "an integer in [1, 256]")
