"""How long to train and what to keep."""

from dataclasses import dataclass

from vqvae_jax.config import check, check_choices
from vqvae_jax.errors import UserError, number_of
from vqvae_jax.training.mapping import Mapping

MOST_STEPS = 2**31 - 1  # devices count in int32


@dataclass(frozen=True)
class TrainingConfig:
    """Length of a run, its seed, and how often things happen, in steps."""

    steps: int = 0
    """Steps in all; 0 means `epochs`."""
    epochs: int = 50
    """Passes over the training clips, if `steps` is 0."""
    seed: int = 0
    """Seed of initial weights, codebooks and level dropout."""
    mapping: Mapping = "auto"
    """How the step is mapped over devices."""
    microbatches: int = 1
    """Parts in which a device's share of a batch is processed, to save memory; one update follows."""
    log_every: int = 20
    """Scalars, codebook health."""
    checkpoint_every: int = 500
    """Checkpoints; the last two are kept."""
    keep_every: int = 0
    """Checkpoints kept for ever; 0 for none."""
    validate_every: int = 500
    """PSNR on fixed validation clips; the best checkpoint by it is kept."""
    validation_clips: int = 64
    """Number of fixed validation clips; 0 trains without validation."""
    picture_every: int = 1000
    """Reconstruction pictures; 0 for none."""

    def __post_init__(self) -> None:
        for name in ("epochs", "microbatches", "log_every", "checkpoint_every", "validate_every"):
            check(getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "a whole number of at least 1")
        for name in ("steps", "keep_every", "validation_clips", "picture_every", "seed"):
            check(getattr(self, name) >= 0, f"training.{name}", getattr(self, name), "a whole number of at least 0")
        check_choices(self, "training")

    def total_steps(self, clips: int, batch_size: int) -> int:
        """Steps in all for a training split of `clips` clips.

        Raises:
          UserError: if they are too many to count on a device.
        """
        steps = self.steps or max(self.epochs * clips // batch_size, 1)
        if steps > MOST_STEPS:
            of = f"epochs={self.epochs} of {number_of(clips, 'record')}" if not self.steps else "training.steps"
            raise UserError(f"{of}: {steps:,} steps; at most {MOST_STEPS:,}")
        return steps
