"""The model of the default bundle: `edge_first`, trained on with smaller batches of half clips and slower codebooks.

python -m experiments.train edge_first --data DATA --run FIRST
python -m experiments.train edge --data DATA --run RUN --init-from FIRST
vqvae-jax export edge.safetensors --run RUN
"""

from dataclasses import replace

from experiments.configs import edge_first

config = replace(
    edge_first.config,
    name="edge",
    # With 0.9 a code is the mean of some forty vectors, and that noise is seen. Here codes are far from dying.
    quantizer=replace(edge_first.config.quantizer, decay=0.99),
    optimizer=replace(edge_first.config.optimizer, decay_fraction=0.4, weight_ema=0.999),
    # Twice as many steps for the same arithmetic, and no two of them see the same window of a clip.
    data=replace(edge_first.config.data, batch_size=2, frames=16, temporal_jitter=True),
    training=replace(
        edge_first.config.training, steps=12000, validate_every=1000, checkpoint_every=500, picture_every=5000
    ),
)
