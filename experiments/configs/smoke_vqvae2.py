"""VQ-VAE-2 (video) at the budget `smoke`: `smoke_msvqvae` without the perceptual loss. It proves the path only.

    python -m experiments.train smoke_vqvae2 --data DIR --run DIR

Hardware    2 cores of a shared machine; time: `smoke_msvqvae`
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       16 of 527 validation clips: 21.41 dB, 0.6748 SSIM, 0.3516 bpp formula, 0.2244 DEFLATE;
            mean frame 24.50 dB; step 120, seed 0
"""

from dataclasses import replace

from experiments.configs import smoke_msvqvae
from vqvae_jax.losses.config import LossConfig

config = replace(smoke_msvqvae.config, name="smoke_vqvae2", loss=LossConfig(gamma=0.0))
