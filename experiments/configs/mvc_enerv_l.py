"""E-NeRV of its released configuration, without embeddings: 132 frames of 720p.

    python -m experiments.fit mvc_enerv_l --video ../shared/data/sequences/bigbuckbunny_720p_132f.mp4 --run RUN

Hardware    not run yet: a GPU for hours (docs/mvc.md)
"""

from dataclasses import replace

from experiments.configs import mvc_gpu_mid
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.experiment import FitConfig, LossConfig

config = replace(
    mvc_gpu_mid.config,
    name="mvc_enerv_l",
    model=MvcConfig(kind="enerv", context="off", frames=132, dtype="bfloat16"),
    loss=LossConfig(spatial=1.0, frequency=0.0),
    fit=FitConfig(),
    training=replace(mvc_gpu_mid.config.training, epochs=300, validate_every=6_600),
)
