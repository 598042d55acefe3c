"""VQ-VAE (3D), single level, at the budget `smoke`: `smoke_msvqvae` without the top; 0.3125 bpp.

It proves the path, not the numbers.

    python -m experiments.train smoke_vqvae3d --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from experiments.configs import smoke_msvqvae

config = replace(smoke_msvqvae.config, name="smoke_vqvae3d", model=replace(smoke_msvqvae.config.model, top=None))
