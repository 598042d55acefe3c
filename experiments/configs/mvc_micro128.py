"""A very small MVC: 128x72 pixels.

python -m experiments.fit mvc_micro128 --video VIDEO --run RUN
"""

from dataclasses import replace

from experiments.configs import mvc_micro64

config = replace(
    mvc_micro64.config,
    name="mvc_micro128",
    model=replace(mvc_micro64.config.model, h=9, w=16, strides=(2, 2, 2), channels=24, expansion=1.0, lower_width=16),
    training=replace(mvc_micro64.config.training, epochs=200),
)
