"""A 1.7 M model for two CPU cores: the bits of `msvqvae` at a sixteenth of the arithmetic, no perceptual loss.

    python -m experiments.train tiny --data DIR --run DIR

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.family import TINY_MODEL
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig

config = Experiment(
    name="tiny",
    # One clip in ten seen through the top alone would take a large part of so short a run's gradient.
    model=replace(TINY_MODEL, level_dropout=0.0),
    # The encoder soon leaves its first codes behind. With 0.99 a code is known to be dead only after 350 steps, and
    # a short run waits for that.
    quantizer=QuantizerConfig(decay=0.9),
    loss=LossConfig(gamma=0.0),
    # The first gradients are ten times the later ones; unclipped they fill Adam's second moment and slow the next
    # thousand steps.
    optimizer=OptimizerConfig(learning_rate=1.5e-3, reference_batch=4, warmup_steps=50, clip_norm=0.1),
    data=PipelineConfig(batch_size=4),
    training=TrainingConfig(steps=1800, checkpoint_every=250, validate_every=250, picture_every=500),
)
