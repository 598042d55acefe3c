"""MVC of 2.5 million weights for 720p, where the paper's remark on the cost of embeddings puts its models.

    python -m experiments.fit mvc_gpu_mid --video VIDEO --run RUN
    python -m experiments.plan mvc_gpu_mid --topology h100:1 --clips 600

Hardware    not run yet: a GPU for hours (docs/mvc.md)
"""

from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.experiment import Experiment, FitConfig
from vqvae_jax.training.config import TrainingConfig

config = Experiment(
    name="mvc_gpu_mid",
    model=MvcConfig(frames=600, channels=64, fusion="mlp", dtype="bfloat16"),
    fit=FitConfig(schedule="mvc"),
    training=TrainingConfig(
        epochs=900, log_every=600, checkpoint_every=6_000, validate_every=60_000, validation_clips=1, picture_every=0
    ),
)
