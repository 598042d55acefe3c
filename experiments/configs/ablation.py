"""What the rows of docs/ablations.md start from: `edge` in short, 400 steps of 4 half clips."""

from dataclasses import replace

from experiments.configs import edge_first

config = replace(
    edge_first.config,
    name="ablation",
    model=replace(edge_first.config.model, clip=(16, 64, 64)),
    # 400 steps are fewer than the average of `edge` looks back.
    optimizer=replace(edge_first.config.optimizer, weight_ema=0.99),
    data=replace(edge_first.config.data, frames=16),
    training=replace(
        edge_first.config.training,
        steps=400,
        validate_every=200,
        checkpoint_every=200,
        validation_clips=64,
        picture_every=0,
    ),
)
