"""VQ-VAE-2 (video) at the budget `smoke`: `smoke_msvqvae` without the perceptual loss. It proves the path only.

    python -m experiments.train smoke_vqvae2 --data DIR --run DIR

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import smoke_msvqvae
from vqvae_jax.losses.config import LossConfig

config = replace(smoke_msvqvae.config, name="smoke_vqvae2", loss=LossConfig(gamma=0.0))
