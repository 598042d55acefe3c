"""ENVC with three eighths of the channels, a seventh of the arithmetic: for pictures of 64x64 and a few cores.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --frames 7 --ratios 90 10 0
    python -m experiments.train envc_small --data DATA --run RUN --loss.lagrangian 128

Hardware    not run as it stands; for ten minutes of one core, stage by stage: docs/results/envc.md
Score       none of use; 64x64 wants a smaller lambda than the paper's
"""

from dataclasses import replace

from experiments.configs import envc
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.training.config import TrainingConfig

config = replace(
    envc.config,
    name="envc_small",
    model=EnvcConfig(clip=(7, 64, 64), intra_width=48, intra_latents=60, width=48, latents=60),
    optimizer=replace(
        envc.config.optimizer,
        algorithm="muon",
        learning_rate=2e-3,
        adam_learning_rate=3e-3,
        fast_learning_rate=1e-2,
        b2=0.98,
        schedule="constant_cosine",
        decay_fraction=0.6,
        warmup_steps=20,
    ),
    stages=replace(envc.config.stages, behind="coded"),
    data=replace(envc.config.data, crop=None),
    training=TrainingConfig(steps=14_000, checkpoint_every=500, validate_every=1_000, picture_every=2_000),
)
