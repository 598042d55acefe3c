"""MS-VQ-VAE at the budget `short` of the paper's tables: `tiny`'s width and 600 steps, for two CPU cores.

    python -m experiments.train short_msvqvae --data DIR --run DIR --vgg-weights vgg16.npz

Wiring, strides, codebooks and gamma are the paper's; the perceptual loss sees 4 of 32 frames a step, others each step.

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.losses.config import LossConfig

config = replace(
    tiny.config,
    name="short_msvqvae",
    loss=LossConfig(perceptual_frames=4),
    optimizer=replace(tiny.config.optimizer, schedule="constant_decay", decay_fraction=0.3, weight_ema=0.998),
    training=replace(tiny.config.training, steps=600, validate_every=100, checkpoint_every=100, picture_every=300),
)
