"""MS-VQ-VAE at the budget `smoke` of the paper's tables: narrow, 120 steps. It proves the path, not the numbers.

    python -m experiments.train smoke_msvqvae --data DIR --run DIR --vgg-weights vgg16.npz

Wiring, strides, codebooks and gamma are the paper's; the perceptual loss sees 2 of 32 frames a step, others each step.

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import short_msvqvae
from vqvae_jax.losses.config import LossConfig

base = short_msvqvae.config
config = replace(
    base,
    name="smoke_msvqvae",
    model=replace(
        base.model,
        width=32,
        hidden=32,
        encoder_blocks=1,
        decoder_blocks=2,
        top_width=32,
        top_hidden=32,
        top_blocks=1,
    ),
    loss=LossConfig(perceptual_frames=2),
    # An average over 500 steps, as `short` has it, would still be that of the start.
    optimizer=replace(base.optimizer, learning_rate=3e-3, warmup_steps=10, weight_ema=0.95),
    training=replace(
        base.training, steps=120, validate_every=60, checkpoint_every=60, validation_clips=8, picture_every=120
    ),
)
