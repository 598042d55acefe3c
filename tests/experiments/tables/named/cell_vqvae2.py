from dataclasses import replace

from experiments.configs import cell_msvqvae

config = replace(cell_msvqvae.config, name="cell_vqvae2")
