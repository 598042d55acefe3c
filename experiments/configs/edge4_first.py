"""The first stage of `edge4`: fast steps with codebooks that follow the encoder.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train edge4_first --data DATA --run RUN

Hardware    one of the two cores of a shared machine, 28 min; seed 0
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       500 / 1000 / 1500 / 2000 / 2500 steps: 24.91 / 25.71 / 26.01 / 26.57 / 26.45 dB on 64 validation clips
"""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.msvqvae.named import EDGE4_MODEL

config = replace(
    tiny.config,
    name="edge4_first",
    model=EDGE4_MODEL,
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
