"""Codes over four frames, not shipped: `edge4_first`, trained on with slower codebooks at half the learning rate.

    python -m experiments.train edge4_first --data DATA --run FIRST
    python -m experiments.train edge4 --data DATA --run RUN --init-from FIRST

Hardware    one of the two cores of a shared machine, 56 min after `edge4_first`
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       309 clips of groups 3-7 (digest b3ba1ed5), in files: 27.53 dB, 0.8849 SSIM, perceptual distance 1.77 at
            0.1895 bpp, 0.3516 formula; rate weights 0.02 / 0.1 / 0.3 / 1: 27.44 dB at 0.1662, 27.19 at 0.1402, 26.64 at
            0.1185, 25.25 at 0.0935. `edge` is behind above 0.12 bpp and ahead below; step 4800 (best), seed 0
            500 / 1000 / 1500 / 2000 / 2500 / 3000 / 3500 / 4000 / 4500 / 4800 steps: 26.89 / 26.82 / 27.14 / 27.29 /
            27.15 / 27.21 / 27.35 / 27.48 / 27.53 / 27.57 dB on 64 validation clips
"""

from dataclasses import replace

from experiments.configs import edge4_first, tiny

config = replace(
    edge4_first.config,
    name="edge4",
    # With 0.9 a code is the mean of some eighty vectors, and that noise is seen. Here codes are far from dying. At the
    # learning rate of the first stage such slow codebooks fall behind the encoder after some 800 steps.
    quantizer=replace(edge4_first.config.quantizer, decay=0.99),
    optimizer=replace(
        edge4_first.config.optimizer,
        learning_rate=tiny.config.optimizer.learning_rate,
        decay_fraction=0.4,
        weight_ema=0.999,
    ),
    # Another order of the clips.
    data=replace(edge4_first.config.data, seed=1),
    training=replace(
        edge4_first.config.training, steps=4800, validate_every=500, checkpoint_every=250, picture_every=1000
    ),
)
