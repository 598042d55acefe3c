"""VQ-VAE (3D), single level, at the budget `smoke`: `smoke_msvqvae` without the top; 0.3125 bpp.

It proves the path, not the numbers.

    python -m experiments.train smoke_vqvae3d --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    2 cores of a shared machine; time: `smoke_msvqvae`
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       16 of 527 validation clips: 20.25 dB, 0.5901 SSIM, 0.3125 bpp formula, 0.1688 DEFLATE;
            mean frame 24.50 dB; step 120, seed 0
"""

from dataclasses import replace

from experiments.configs import smoke_msvqvae

config = replace(smoke_msvqvae.config, name="smoke_vqvae3d", model=replace(smoke_msvqvae.config.model, top=None))
