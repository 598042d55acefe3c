"""ENVC with three eighths of the channels, a seventh of the arithmetic: for pictures of 64x64 and a few cores.

    python -m data_prep --videos ucf101_64 --out DATA8 --format npy --ratios 90 10 0 --hop 8
    python -m experiments.train envc_small --data DATA8 --run RUN

It predicts without refinement, begins P frames as copies that are moved by block matching, and shows decoders rounded
latents, each of which is ahead in short runs (docs/results/envc.md). `--model.refine True --model.motion-input feature`
is the paper's structure.

Hardware    not run as it stands: the bundle of the package was made in parts, in an hour and three quarters of two
            shared cores; commands, data and scores are in docs/results/envc.md, "An hour of two cores" to "Five frames"
"""

from dataclasses import replace

from experiments.configs import envc
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.training.config import TrainingConfig

config = replace(
    envc.config,
    name="envc_small",
    model=EnvcConfig(
        clip=(32, 64, 64), intra_width=48, intra_latents=60, width=48, latents=60, refine=False, motion_input="matching"
    ),
    loss=replace(envc.config.loss, lagrangian=128.0, modulation=0.3),
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
    stages=replace(
        envc.config.stages,
        shares=(1700.0, 900.0, 600.0, 300.0, 0.0, 0.0),
        rates=(1.0, 1.0, 0.15, 0.06, 0.02, 0.02),
        late_rates=(1.0, 1.0, 0.05, 0.03, 0.01, 0.01),
        behind="coded",
        fresh="copies",
        decoders_see="rounded",
    ),
    data=replace(envc.config.data, crop=None),
    training=TrainingConfig(steps=3_500, checkpoint_every=500, validate_every=1_000, picture_every=2_000),
)
