"""Everything that defines a run of this family, in one tree."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vqvae_jax.config import check, check_choices
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.envc.config import SQUARE, EnvcConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig

Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class LossConfig:
    """The objective R + lambda D, summed over a clip's frames; R in bits per pixel."""

    lagrangian: float = 1024.0
    """Lambda. The paper's models have 512, 1024, 2048, 3072 or 4096; with ms_ssim 6, 14, 24, 36 or 50."""
    distortion: Literal["mse", "ms_ssim"] = "mse"
    """D: mean squared error of pixels in [0, 1], or 1 - MS-SSIM."""
    modulation: float = 0.2
    """From stage 4 on the distortion of P frame t of a clip counts 1 + (t - 1) times this more (equation 4)."""
    guided: float = 0.0
    """Share of stage 2, from its start, in which motion alone is learnt: its bits and the prediction's error."""

    def __post_init__(self) -> None:
        check(self.lagrangian > 0, "loss.lagrangian", self.lagrangian, "a number above 0")
        check_choices(self, "loss")
        check(self.modulation >= 0, "loss.modulation", self.modulation, "a number of at least 0")
        check(0 <= self.guided <= 1, "loss.guided", self.guided, "a number in [0, 1]")


@dataclass(frozen=True)
class StagesConfig:
    """Table I of the paper, which gives no lengths and no learning rates: these are ours."""

    shares: Six = (5.0, 5.0, 2.0, 1.0, 0.5, 0.5)
    """Lengths of the six stages beside one another; 0 leaves one out."""
    rates: Six = (1.0, 1.0, 1.0, 0.5, 0.1, 0.1)
    """Their learning rates, in shares of optimizer.learning_rate."""
    late_rates: Six = (1.0, 1.0, 1.0, 0.1, 0.1, 0.1)
    """The same in the second half of each."""
    joint_frames: int = 3
    """Frames that stage 3 sees."""
    frames: int = 5
    """Frames that stages 4 to 6 see."""
    behind: Literal["originals", "coded"] = "originals"
    """What stage 2 predicts P frames from: the paper's originals, or I frames as files have them, errors and all."""
    fresh: Literal["random", "copies"] = "random"
    """Weights of the P-frame model that nothing has trained: all random, or such that a frame without residual is the
    frame before (cross_scale alone)."""
    anew: Literal["nothing", "motion", "inter"] = "nothing"
    """What begins with fresh weights although the run begins from another one or a bundle: what makes and codes
    motion and moves samples by it, or the whole P-frame model."""
    decoders_see: Literal["noise", "rounded"] = "noise"
    """Latents that learn, in training: with the noise that stands for rounding, as priors do and the paper has it, or
    rounded, with the gradient of what was not (Minnen and Singh 2020)."""

    def __post_init__(self) -> None:
        for name in ("shares", "rates", "late_rates"):
            value = getattr(self, name)
            check(min(value) >= 0 and max(value) > 0, f"stages.{name}", value, "numbers of at least 0, one above")
        for name in ("joint_frames", "frames"):
            check(getattr(self, name) >= 2, f"stages.{name}", getattr(self, name), "a whole number of at least 2")
        check_choices(self, "stages")

    @property
    def seen(self) -> tuple[int, ...]:
        """Frames of a clip that each of the stages sees."""
        return (1, 2, self.joint_frames, *[self.frames] * 3)


@dataclass(frozen=True)
class Experiment:
    """The models, their objective, and how they are trained."""

    family: ClassVar[str] = "envc"
    name: str = "envc"
    """Name of the experiment this was made from."""
    model: EnvcConfig = field(default_factory=EnvcConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    stages: StagesConfig = field(default_factory=StagesConfig)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            learning_rate=1e-4, batch_rule="none", schedule="constant", clip_norm=1.0
        )
    )
    """It starts anew with every stage, and its schedule with it."""
    data: PipelineConfig = field(default_factory=lambda: PipelineConfig(frames=5, temporal_jitter=True))
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        asked = max(seen for seen, share in zip(self.stages.seen, self.stages.shares, strict=True) if share)
        check(self.data.frames >= asked, "data.frames", self.data.frames, f"the {asked} frames of the longest stage")
        free = self.stages.behind == "originals" or self.loss.guided == 0
        check(free, "loss.guided", self.loss.guided, "0 with stages.behind=coded")
        if self.stages.fresh == "copies":
            check(self.model.predictor == "cross_scale", "stages.fresh", "copies", "random without cross_scale")
            check(self.model.width >= SQUARE, "model.width", self.model.width, f"{SQUARE} with stages.fresh=copies")
        parts = self.training.microbatches
        multiple = f"a multiple of training.microbatches={parts}"
        check(self.data.batch_size % parts == 0, "data.batch_size", self.data.batch_size, multiple)
