"""VQ-VAE-2 (video) at the budget `short`: `short_msvqvae` without the perceptual loss.

    python -m experiments.train short_vqvae2 --data DIR --run DIR

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import short_msvqvae
from vqvae_jax.losses.config import LossConfig

config = replace(short_msvqvae.config, name="short_vqvae2", loss=LossConfig(gamma=0.0))
