"""512 codes a level at the budget `smoke`: `smoke_msvqvae` at 0.3164 bpp. It proves the path, not the numbers.

    python -m experiments.train smoke_msvqvae_k512 --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    2 cores of a shared machine; time: `smoke_msvqvae`
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       16 of 527 validation clips: 20.14 dB, 0.5611 SSIM, 0.3164 bpp formula, 0.2030 DEFLATE;
            mean frame 24.50 dB; step 120, seed 0
"""

from dataclasses import replace

from experiments.configs import smoke_msvqvae
from vqvae_jax.msvqvae.config import LevelConfig

config = replace(
    smoke_msvqvae.config,
    name="smoke_msvqvae_k512",
    model=replace(
        smoke_msvqvae.config.model, bottom=LevelConfig((2, 4, 4), codes=512), top=LevelConfig((4, 8, 8), codes=512)
    ),
)
