"""MS-VQ-VAE at the budget `smoke` of the paper's tables: narrow, 120 steps. It proves the path, not the numbers.

    python -m experiments.train smoke_msvqvae --data DIR --run DIR --vgg-weights vgg16.npz

Wiring, strides, codebooks and gamma are the paper's; the perceptual loss sees 2 of 32 frames a step, others each step.

Hardware    2 cores of a shared machine; all of `experiments.tables 1 2 3 --budget smoke`: 420 s of CPU time, 3.5 min on
            two free cores (computed), 12.5 min beside other work
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       16 of 309 test clips (digest b3ba1ed5): 20.88 dB, 0.5837 SSIM, 0.3516 bpp formula,
            0.2162 DEFLATE; mean frame 24.33 dB. 16 of 527 validation clips:
            20.30 dB, 0.5815 SSIM, 0.3516 bpp formula, 0.2167 DEFLATE;
            mean frame 24.50 dB; step 120, seed 0
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
