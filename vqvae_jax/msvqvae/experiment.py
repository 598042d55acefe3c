"""Everything that defines a run, in one tree: what a named experiment is, and what a checkpoint carries."""

from dataclasses import dataclass, field
from typing import ClassVar

from vqvae_jax.config import check
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig


@dataclass(frozen=True)
class Experiment:
    """A model, its losses and how it is trained. The defaults are the paper's MS-VQ-VAE."""

    family: ClassVar[str] = "msvqvae"
    name: str = "msvqvae"
    """Name of the experiment this was made from."""
    model: ModelConfig = field(default_factory=ModelConfig)
    quantizer: QuantizerConfig = field(default_factory=QuantizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    data: PipelineConfig = field(default_factory=PipelineConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        whole, step = self.model.clip[0], self.model.multiple[0]
        fits = self.data.frames <= whole and self.data.frames % step == 0
        check(fits, "data.frames", self.data.frames, f"a multiple of {step} up to model.clip's {whole} frames")
        seen, divisor = self.loss.perceptual_frames, f"0, or a divisor of the clip's {self.data.frames} frames"
        check(seen == 0 or self.data.frames % seen == 0, "loss.perceptual_frames", seen, divisor)
        parts = self.training.microbatches
        multiple = f"a multiple of training.microbatches={parts}"
        check(self.data.batch_size % parts == 0, "data.batch_size", self.data.batch_size, multiple)
