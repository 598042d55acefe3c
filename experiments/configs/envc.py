"""ENVC for lambda 512, 1024 and 2048, without a context model: the paper's recipe, where it says one.

    python -m data_prep --videos VIDEOS --out DATA --size 256x448 --frames 7
    python -m experiments.train envc --data DATA --run RUN --loss.lagrangian 1024 --model.dtype bfloat16

Hardware    not run yet: a GPU for days (docs/envc.md)
Data        the paper's: 89,800 clips of Vimeo-90k, parts of 192x192, batch 8
"""

from dataclasses import replace

from vqvae_jax.envc.experiment import Experiment
from vqvae_jax.training.config import TrainingConfig

config = Experiment(
    training=TrainingConfig(
        steps=1_400_000, log_every=100, checkpoint_every=5_000, validate_every=20_000, picture_every=100_000
    ),
)
config = replace(config, data=replace(config.data, crop=(192, 192)))
