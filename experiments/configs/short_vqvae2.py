"""VQ-VAE-2 (video) at the budget `short`: `short_msvqvae` without the perceptual loss.

    python -m experiments.train short_vqvae2 --data DIR --run DIR

Hardware    2 cores of a shared machine, 15 to 25 min beside other work
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       48 of 527 validation clips: 24.39 dB, 0.8045 SSIM, 0.3516 bpp formula, 0.2242 DEFLATE; mean frame 24.84 dB;
            step 600, seed 0
"""

from dataclasses import replace

from experiments.configs import short_msvqvae
from vqvae_jax.losses.config import LossConfig

config = replace(short_msvqvae.config, name="short_vqvae2", loss=LossConfig(gamma=0.0))
