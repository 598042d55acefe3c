"""MS-VQ-VAE as in the paper: two levels of 1024 x 128 codes, gamma 0.4, 18.45 M parameters and codebook entries.

    python -m experiments.train msvqvae --data DIR --run DIR --vgg-weights vgg16.npz

Hardware    not run yet
Score       not run yet
"""

from dataclasses import replace

from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.named import MSVQVAE_MODEL

# The paper trains with PyTorch's automatic mixed precision; a GPU or TPU needs no gradient scaling in bfloat16.
config = Experiment(name="msvqvae", model=replace(MSVQVAE_MODEL, dtype="bfloat16"))
