"""MVC of 3.4 million weights for 1080p.

    python -m experiments.fit mvc_gpu_1080 --video VIDEO --run RUN

Hardware    not run yet: a GPU for hours (docs/mvc.md)
"""

from dataclasses import replace

from experiments.configs import mvc_gpu_mid

config = replace(
    mvc_gpu_mid.config,
    name="mvc_gpu_1080",
    model=replace(mvc_gpu_mid.config.model, strides=(5, 3, 2, 2, 2)),
)
