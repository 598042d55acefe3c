"""MVC at 320x180 pixels, which two CPU cores fit in minutes.

python -m experiments.fit mvc_small320 --video VIDEO --run RUN
"""

from dataclasses import replace

from experiments.configs import mvc_tiny128

config = replace(
    mvc_tiny128.config,
    name="mvc_small320",
    model=replace(
        mvc_tiny128.config.model, strides=(5, 2, 2), channels=48, d0=96, stem=192, td=64, mlp=96, lower_width=24
    ),
    training=replace(mvc_tiny128.config.training, epochs=100),
)
