"""MS-VQ-VAE at the budget `short` of the paper's tables: `tiny`'s width and 600 steps, for two CPU cores.

    python -m experiments.train short_msvqvae --data DIR --run DIR --vgg-weights vgg16.npz

Wiring, strides, codebooks and gamma are the paper's; the perceptual loss sees 4 of 32 frames a step, others each step.

Hardware    2 cores of a shared machine, 15 to 25 min beside other work
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       48 of 527 validation clips: 23.58 dB, 0.7720 SSIM, 0.3516 bpp formula, 0.2253 DEFLATE; mean frame 24.84 dB.
            48 of 309 test clips (digest b3ba1ed5): 23.97 dB, 0.7672, 0.2453 DEFLATE; mean frame 22.95 dB; step 600
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
