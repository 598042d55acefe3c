"""The public interface, as `vqvae_jax` exports it."""
