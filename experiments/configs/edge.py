"""The model of the default bundle: `edge_first`, trained on with slower codebooks at half the learning rate.

    python -m experiments.train edge_first --data DATA --run FIRST
    python -m experiments.train edge --data DATA --run RUN --init-from FIRST
    vqvae-jax export edge.safetensors --run RUN

TODO
"""

from dataclasses import replace

from experiments.configs import edge_first, tiny

config = replace(
    edge_first.config,
    name="edge",
    # With 0.9 a code is the mean of some eighty vectors, and that noise is seen. Here codes are far from dying. At the
    # learning rate of the first stage such slow codebooks fall behind the encoder after some 800 steps.
    quantizer=replace(edge_first.config.quantizer, decay=0.99),
    optimizer=replace(
        edge_first.config.optimizer,
        learning_rate=tiny.config.optimizer.learning_rate,
        decay_fraction=0.4,
        weight_ema=0.999,
    ),
    # Another order of the clips.
    data=replace(edge_first.config.data, seed=1),
    training=replace(
        edge_first.config.training, steps=4800, validate_every=500, checkpoint_every=250, picture_every=1000
    ),
)
