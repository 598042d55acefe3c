"""The model of the default bundle: `tiny` with level dropout, averaged weights and twice the steps.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train edge --data DATA --run RUN
    vqvae-jax export edge.safetensors --run RUN

Not run yet.
"""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.msvqvae.family import TINY_MODEL

config = replace(
    tiny.config,
    name="edge",
    # The top level decodes alone to a preview.
    model=replace(TINY_MODEL, level_dropout=0.1),
    optimizer=replace(tiny.config.optimizer, schedule="constant_decay", decay_fraction=0.3, weight_ema=0.998),
    training=replace(tiny.config.training, steps=3800, validate_every=500, checkpoint_every=100, picture_every=1000),
)
