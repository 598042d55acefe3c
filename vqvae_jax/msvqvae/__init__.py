"""MS-VQ-VAE (arXiv 2512.24547): a two-level 3-D VQ-VAE for 64x64 clips, and its single-level and narrow relatives."""
