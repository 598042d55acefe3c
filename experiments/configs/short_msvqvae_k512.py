"""512 codes a level at the budget `short`: `short_msvqvae` at 0.3164 bpp.

    python -m experiments.train short_msvqvae_k512 --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
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
