"""`python -m vqvae_jax` is `vqvae-jax`."""

from vqvae_jax.cli.main import main

main()
