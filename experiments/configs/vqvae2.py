"""VQ-VAE-2 (video), the paper's baseline: `msvqvae` without the perceptual loss.

    python -m experiments.train vqvae2 --data DIR --run DIR

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import msvqvae
from vqvae_jax.losses.config import LossConfig

config = replace(msvqvae.config, name="vqvae2", loss=LossConfig(gamma=0.0))
