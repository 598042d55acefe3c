"""A 1.7 M model for two CPU cores: the bits of `msvqvae` at a sixteenth of the arithmetic, no perceptual loss.

    python -m experiments.train tiny --data DIR --run DIR

Hardware    not run yet
Score       not run yet
"""

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.family import TINY_MODEL
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig

config = Experiment(
    name="tiny",
    model=TINY_MODEL,
    # The encoder soon leaves its first codes behind. With 0.99 a code is known to be dead only after 350 steps, and
    # a short run waits for that.
    quantizer=QuantizerConfig(decay=0.9),
    loss=LossConfig(gamma=0.0),
    optimizer=OptimizerConfig(learning_rate=1.5e-3, reference_batch=4, warmup_steps=50),
    data=PipelineConfig(batch_size=4),
    training=TrainingConfig(steps=2000, checkpoint_every=250, validate_every=250, picture_every=500),
)
