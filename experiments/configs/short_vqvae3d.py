"""VQ-VAE (3D), single level, at the budget `short`: `short_msvqvae` without the top; 0.3125 bpp.

    python -m experiments.train short_vqvae3d --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import short_msvqvae

config = replace(short_msvqvae.config, name="short_vqvae3d", model=replace(short_msvqvae.config.model, top=None))
