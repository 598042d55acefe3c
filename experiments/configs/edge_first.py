"""The first stage of `edge`: fast steps with codebooks that follow the encoder.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train edge_first --data DATA --run RUN

TODO
"""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.msvqvae.family import EDGE_MODEL

config = replace(
    tiny.config,
    name="edge_first",
    model=EDGE_MODEL,
    # The next stage starts from the averaged weights and goes on at this learning rate, so there is little to anneal.
    optimizer=replace(
        tiny.config.optimizer,
        learning_rate=3e-3,
        schedule="constant_decay",
        decay_fraction=0.1,
        weight_ema=0.998,
    ),
    data=replace(tiny.config.data, batch_size=2),
    training=replace(tiny.config.training, steps=2500, validate_every=500, checkpoint_every=100, picture_every=1000),
)
