"""512 codes a level at the budget `smoke`: `smoke_msvqvae` at 0.3164 bpp. It proves the path, not the numbers.

    python -m experiments.train smoke_msvqvae_k512 --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
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
