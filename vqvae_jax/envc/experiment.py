"""Everything that defines a run of this family, in one tree."""

from dataclasses import dataclass, field
from typing import ClassVar

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.training.config import TrainingConfig


@dataclass(frozen=True)
class Experiment:
    """The models. How they are trained is not here yet: `family.task` refuses."""

    family: ClassVar[str] = "envc"
    name: str = "envc"
    """Name of the experiment this was made from."""
    model: EnvcConfig = field(default_factory=EnvcConfig)
    data: PipelineConfig = field(default_factory=lambda: PipelineConfig(frames=7))
    training: TrainingConfig = field(default_factory=TrainingConfig)
