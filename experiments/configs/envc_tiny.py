"""A very small ENVC for tests and a first look: all six stages on 64x64 clips of 7 frames.

    python -m data_prep --videos VIDEOS --out DATA --size 64 --frames 7
    python -m experiments.train envc_tiny --data DATA --run RUN

Hardware    one core of a shared machine; its seven programs take longer to compile than to run
Score       not kept: it shows that the path works
"""

from dataclasses import replace

from experiments.configs import envc, envc_small
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.training.config import TrainingConfig

config = replace(
    envc_small.config,
    name="envc_tiny",
    model=EnvcConfig(clip=(7, 64, 64), intra_width=8, intra_latents=8, width=8, latents=8, heads=2, points=2),
    optimizer=replace(envc.config.optimizer, learning_rate=2e-3, warmup_steps=5),
    loss=envc.config.loss,
    stages=envc.config.stages,
    data=replace(envc_small.config.data, batch_size=2),
    training=TrainingConfig(steps=140, log_every=10, checkpoint_every=50, validate_every=70, validation_clips=4),
)
