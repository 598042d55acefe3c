"""512 codes a level at the budget `short`: `short_msvqvae` at 0.3164 bpp.

    python -m experiments.train short_msvqvae_k512 --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    one of the two cores of a shared machine, 30 min beside other work
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       48 of 527 validation clips: 23.16 dB, 0.7581 SSIM, 0.3164 bpp formula, 0.1996 DEFLATE; mean frame 24.84 dB;
            97 % of the top's and 99.8 % of the bottom's codes in use; step 600
"""

from dataclasses import replace

from experiments.configs import short_msvqvae
from vqvae_jax.msvqvae.config import LevelConfig

config = replace(
    short_msvqvae.config,
    name="short_msvqvae_k512",
    model=replace(
        short_msvqvae.config.model, bottom=LevelConfig((2, 4, 4), codes=512), top=LevelConfig((4, 8, 8), codes=512)
    ),
)
