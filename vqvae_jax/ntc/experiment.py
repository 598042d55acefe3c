"""Everything that defines a run of this family, in one tree."""

from dataclasses import dataclass, field
from typing import ClassVar

from vqvae_jax.config import check
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.ntc.config import UNIT, NtcConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig


@dataclass(frozen=True)
class RateConfig:
    """The objective R + lambda D, and what helps it on its way."""

    start_weight: float = 0.2
    """Weight of the rate at the first step."""
    ramp: float = 0.06
    """Share of all steps over which it rises to 1."""
    prediction: float = 0.0
    """Weight of the prediction's squared error beside that of the frames, before `guided` is over."""
    flow: float = 0.0
    """Weight of the flow's distance, in pixels, from what block matching finds, before `guided` is over."""
    guided: float = 0.3
    """Share of all steps over which both weights fall to nothing."""
    jump: float = 4.0
    """A step whose loss is so many times its moving average, or whose gradient is not finite, is left out."""
    patience: int = 20
    """After so many left out in a row, the weights go back to their moving average."""

    def __post_init__(self) -> None:
        check(0 <= self.start_weight <= 1, "loss.start_weight", self.start_weight, "a number in [0, 1]")
        check(0 <= self.ramp <= 1, "loss.ramp", self.ramp, "a number in [0, 1]")
        for name in ("prediction", "flow"):
            check(getattr(self, name) >= 0, f"loss.{name}", getattr(self, name), "a number of at least 0")
        check(0 <= self.guided <= 1, "loss.guided", self.guided, "a number in [0, 1]")
        check(self.jump > 1, "loss.jump", self.jump, "a number above 1")
        check(self.patience >= 1, "loss.patience", self.patience, "a whole number of at least 1")


@dataclass(frozen=True)
class Experiment:
    """A model, its objective and how it is trained."""

    family: ClassVar[str] = "ntc"
    name: str = "ntc"
    """Name of the experiment this was made from."""
    model: NtcConfig = field(default_factory=NtcConfig)
    loss: RateConfig = field(default_factory=RateConfig)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            algorithm="muon",
            learning_rate=0.003,
            adam_learning_rate=1e-3,
            fast_learning_rate=5e-3,
            batch_rule="none",
            b2=0.98,
            schedule="constant_cosine",
            warmup_steps=60,
            decay_fraction=0.7,
            clip_norm=1.0,
            weight_ema=0.997,
        )
    )
    data: PipelineConfig = field(default_factory=lambda: PipelineConfig(batch_size=4))
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        fits = self.data.frames <= self.model.clip[0] and self.data.frames % UNIT == 0
        expected = f"a multiple of {UNIT} up to model.clip's {self.model.clip[0]} frames"
        check(fits, "data.frames", self.data.frames, expected)
        matched = self.model.motion and self.model.hints == "matching"
        expected = "0 without model.motion=True and model.hints=matching"
        check(matched or self.loss.flow == 0, "loss.flow", self.loss.flow, expected)
        parts = self.training.microbatches
        multiple = f"a multiple of training.microbatches={parts}"
        check(self.data.batch_size % parts == 0, "data.batch_size", self.data.batch_size, multiple)
