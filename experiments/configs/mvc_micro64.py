"""The smallest MVC: 64x64 pixels, for tests and a first look.

    python -m experiments.fit mvc_micro64 --video VIDEO --run RUN

Score       not kept: it shows that the path works
"""

from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.experiment import Experiment, FitConfig
from vqvae_jax.training.config import TrainingConfig

config = Experiment(
    name="mvc_micro64",
    model=MvcConfig(
        frames=32,
        h=4,
        w=4,
        strides=(4, 2, 2),
        channels=16,
        expansion=2.0,
        lower_width=12,
        d0=32,
        stem=64,
        td=16,
        mlp=32,
        heads=2,
        head_dim=16,
        levels=20,
    ),
    fit=FitConfig(learning_rate=1e-3),
    training=TrainingConfig(
        epochs=300, log_every=64, checkpoint_every=1600, validate_every=1600, validation_clips=1, picture_every=0
    ),
)
