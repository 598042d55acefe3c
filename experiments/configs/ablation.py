"""What the rows of docs/results/ablations.md start from: `tiny` with level dropout and averaged weights, 400 steps."""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.msvqvae.named import TINY_MODEL

config = replace(
    tiny.config,
    name="ablation",
    model=replace(TINY_MODEL, clip=(16, 64, 64)),
    optimizer=replace(tiny.config.optimizer, schedule="constant_decay", decay_fraction=0.3, weight_ema=0.99),
    data=replace(tiny.config.data, frames=16),
    training=replace(
        tiny.config.training,
        steps=400,
        validate_every=200,
        checkpoint_every=200,
        validation_clips=64,
        picture_every=0,
    ),
)
