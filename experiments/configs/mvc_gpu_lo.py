"""MVC of 1.9 million weights for 720p.

    python -m experiments.fit mvc_gpu_lo --video VIDEO --run RUN

Hardware    not run yet: a GPU for hours (docs/mvc.md)
"""

from dataclasses import replace

from experiments.configs import mvc_gpu_mid

config = replace(
    mvc_gpu_mid.config,
    name="mvc_gpu_lo",
    model=replace(mvc_gpu_mid.config.model, channels=64, lower_width=48),
)
