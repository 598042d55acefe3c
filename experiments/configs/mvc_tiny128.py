"""A small MVC with everything that large ones have: 128x72 pixels.

python -m experiments.fit mvc_tiny128 --video VIDEO --run RUN
"""

from dataclasses import replace

from experiments.configs import mvc_micro64
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.experiment import FitConfig

config = replace(
    mvc_micro64.config,
    name="mvc_tiny128",
    model=MvcConfig(
        frames=32,
        strides=(2, 2, 2),
        channels=32,
        expansion=2.0,
        lower_width=24,
        d0=64,
        stem=128,
        td=32,
        mlp=64,
        heads=2,
        head_dim=32,
    ),
    fit=FitConfig(),
)
