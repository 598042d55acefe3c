"""The `vqvae-jax` command line: one file per command."""
