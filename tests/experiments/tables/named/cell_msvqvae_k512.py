from dataclasses import replace

from experiments.configs import cell_msvqvae
from vqvae_jax.msvqvae.config import LevelConfig

model = replace(cell_msvqvae.config.model, bottom=LevelConfig((2, 4, 4), codes=8, dim=4))
config = replace(cell_msvqvae.config, name="cell_msvqvae_k512", model=model)
