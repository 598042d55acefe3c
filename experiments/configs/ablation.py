"""What the rows of docs/ablations.md start from: `edge` in short, 400 steps of 4 half clips."""

from dataclasses import replace

from experiments.configs import edge

config = replace(
    edge.config,
    name="ablation",
    model=replace(edge.config.model, clip=(16, 64, 64)),
    # 400 steps are fewer than the average of `edge` looks back.
    optimizer=replace(edge.config.optimizer, weight_ema=0.99),
    data=replace(edge.config.data, frames=16),
    training=replace(
        edge.config.training, steps=400, validate_every=200, checkpoint_every=200, validation_clips=64, picture_every=0
    ),
)
