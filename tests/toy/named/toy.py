"""The toy family's named experiment."""

from dataclasses import replace

from tests.toy.family import Experiment
from vqvae_jax.training.config import TrainingConfig

config = replace(
    Experiment(),
    training=TrainingConfig(
        steps=6, log_every=4, checkpoint_every=3, validate_every=3, validation_clips=3, picture_every=6
    ),
)
