"""Learned compression of short, low-resolution video in JAX: MS-VQ-VAE (arXiv 2512.24547)."""

__version__ = "0.1.0"
