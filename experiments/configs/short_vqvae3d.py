"""VQ-VAE (3D), single level, at the budget `short`: `short_msvqvae` without the top; 0.3125 bpp.

    python -m experiments.train short_vqvae3d --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    2 cores of a shared machine, 15 to 25 min beside other work
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       48 of 527 validation clips: 23.34 dB, 0.7655 SSIM, 0.3125 bpp formula, 0.1859 DEFLATE; mean frame 24.84 dB;
            step 600, seed 0
"""

from dataclasses import replace

from experiments.configs import short_msvqvae

config = replace(short_msvqvae.config, name="short_vqvae3d", model=replace(short_msvqvae.config.model, top=None))
