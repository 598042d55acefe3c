"""MVC of 5.7 million weights for 720p.

    python -m experiments.fit mvc_gpu_hi --video VIDEO --run RUN

Hardware    not run yet: a GPU for hours (docs/mvc.md)
"""

from dataclasses import replace

from experiments.configs import mvc_gpu_mid

config = replace(
    mvc_gpu_mid.config,
    name="mvc_gpu_hi",
    model=replace(mvc_gpu_mid.config.model, channels=128),
)
