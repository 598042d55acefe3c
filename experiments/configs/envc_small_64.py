"""`envc_small` at lambda 64: fewer bits, trained on from the weights of the other.

    python -m experiments.train envc_small_64 --data DATA8 --run RUN --init-from envc_small

Hardware    one core of a shared machine for a quarter of an hour; commands, data and scores are in
            docs/results/envc.md, "Five frames"
"""

from dataclasses import replace

from experiments.configs import envc_small

config = replace(
    envc_small.config,
    name="envc_small_64",
    loss=replace(envc_small.config.loss, lagrangian=64.0),
    stages=replace(
        envc_small.config.stages,
        shares=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
        rates=(1.0, 1.0, 0.15, 0.08, 0.02, 0.02),
        late_rates=(1.0, 1.0, 0.05, 0.04, 0.01, 0.01),
    ),
    training=replace(envc_small.config.training, steps=300),
)
