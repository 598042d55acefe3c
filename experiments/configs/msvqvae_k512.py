"""MS-VQ-VAE with 512 codes a level, the paper's ablation: 0.3164 bpp.

    python -m experiments.train msvqvae_k512 --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import msvqvae
from vqvae_jax.msvqvae.named import MSVQVAE_K512_MODEL

config = replace(msvqvae.config, name="msvqvae_k512", model=replace(MSVQVAE_K512_MODEL, dtype="bfloat16"))
