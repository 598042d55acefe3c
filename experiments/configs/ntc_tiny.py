"""A very small NTC for tests and a first look: 32x32 clips of 16 frames, a minute or two of one core.

    python -m data_prep --videos VIDEOS --out DATA --size 32 --frames 16
    python -m experiments.train ntc_tiny --data DATA --run RUN

Hardware    one core of a shared machine, under 2 min
Score       not kept: it shows that the path works
"""

from dataclasses import replace

from experiments.configs import ntc
from vqvae_jax.ntc.config import NtcConfig

config = replace(
    ntc.config,
    name="ntc_tiny",
    model=NtcConfig(
        clip=(16, 32, 32),
        width=32,
        coarse_width=48,
        latents=16,
        coarse_blocks=1,
        decoder_blocks=1,
        refine_blocks=1,
        prior_width=32,
        lambdas=(4e-4, 1.6e-3, 6.4e-3),
    ),
    optimizer=replace(ntc.config.optimizer, warmup_steps=10, weight_ema=0.98),
    data=replace(ntc.config.data, frames=16),
    training=replace(
        ntc.config.training, steps=300, log_every=20, checkpoint_every=100, validate_every=100, validation_clips=8
    ),
)
