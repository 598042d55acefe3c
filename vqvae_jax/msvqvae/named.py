"""The named models: shapes only. How each is trained is in `experiments/configs/`."""

from dataclasses import replace

from vqvae_jax.msvqvae.config import LevelConfig, ModelConfig

#: The paper's two-level model: 18.45 M parameters and codebook entries, 0.3516 bpp.
MSVQVAE_MODEL = ModelConfig()

#: The same without the top stack: 16.31 M, 0.3125 bpp.
VQVAE3D_MODEL = replace(MSVQVAE_MODEL, top=None)

#: 512 codes a level: 0.3164 bpp.
MSVQVAE_K512_MODEL = replace(
    MSVQVAE_MODEL, bottom=LevelConfig((2, 4, 4), codes=512), top=LevelConfig((4, 8, 8), codes=512)
)

#: 1.7 M, for two CPU cores: patches and factored blocks, the bits of `msvqvae` at a twentieth of the arithmetic.
TINY_MODEL = ModelConfig(
    resample="patch",
    block="factored",
    width=96,
    hidden=96,
    encoder_blocks=3,
    decoder_blocks=4,
    top_width=96,
    top_hidden=96,
    top_blocks=2,
)

#: 2.0 M: the bits of `tiny`, each code over four frames of half the height, in fewer and wider blocks
#: (docs/results/ablations.md).
EDGE4_MODEL = replace(
    TINY_MODEL,
    bottom=LevelConfig((4, 2, 4)),
    top=LevelConfig((8, 4, 8)),
    width=128,
    hidden=128,
    encoder_blocks=2,
    decoder_blocks=3,
)
