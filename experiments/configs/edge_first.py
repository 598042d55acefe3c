"""The first stage of `edge`: `tiny` with level dropout, averaged weights and twice the steps.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train edge_first --data DATA --run RUN

Hardware    2 cores of a shared machine, 2 h beside other work
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       309 clips of groups 3-7 (digest b3ba1ed5): 26.32 dB, 0.8524 SSIM, 0.1758 bpp entropy-coded, 0.3516 formula,
            0.2972 DEFLATE, 99.3 % of the top's and all of the bottom's codes in use, top level alone 20.08 dB;
            step 3500 (best), seed 0
            500 / 1000 / 1500 / 2000 / 2500 / 3000 / 3500 / 3800 steps:
            24.60 / 25.14 / 25.55 / 25.62 / 25.70 / 25.88 / 26.02 / 26.01 dB on 64 validation clips
"""

from dataclasses import replace

from experiments.configs import tiny
from vqvae_jax.msvqvae.named import TINY_MODEL

config = replace(
    tiny.config,
    name="edge_first",
    # The top level decodes alone to a preview.
    model=replace(TINY_MODEL, level_dropout=0.1),
    optimizer=replace(tiny.config.optimizer, schedule="constant_decay", decay_fraction=0.3, weight_ema=0.998),
    training=replace(tiny.config.training, steps=3800, validate_every=500, checkpoint_every=100, picture_every=1000),
)
