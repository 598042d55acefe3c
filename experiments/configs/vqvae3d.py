"""VQ-VAE (3D), the paper's single-level baseline: `msvqvae` without the top, all else equal; 16.31 M, 0.3125 bpp.

    python -m experiments.train vqvae3d --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import msvqvae
from vqvae_jax.msvqvae.named import VQVAE3D_MODEL

config = replace(msvqvae.config, name="vqvae3d", model=replace(VQVAE3D_MODEL, dtype="bfloat16"))
