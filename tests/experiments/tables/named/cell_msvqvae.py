"""Small enough to train in seconds."""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.msvqvae.config import LevelConfig

config = replace(
    tiny.config,
    name="cell_msvqvae",
    model=replace(
        tiny.config.model,
        bottom=LevelConfig((2, 4, 4), codes=16, dim=4),
        top=LevelConfig((4, 8, 8), codes=8, dim=4),
        clip=(8, 16, 16),
        width=8,
        hidden=8,
        encoder_blocks=0,
        decoder_blocks=0,
        top_width=8,
        top_hidden=8,
        top_blocks=0,
    ),
    data=replace(tiny.config.data, frames=8),
    training=replace(
        tiny.config.training,
        steps=6,
        log_every=2,
        checkpoint_every=3,
        validate_every=3,
        validation_clips=4,
        picture_every=0,
    ),
)
