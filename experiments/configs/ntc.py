"""NTC: rate and distortion trained together, six lambdas, a recurrent transform over units of four frames.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train ntc --data DATA --run RUN

Hardware    not run yet
Score       not run yet
"""

from vqvae_jax.ntc.experiment import Experiment
from vqvae_jax.training.config import TrainingConfig

config = Experiment(
    training=TrainingConfig(steps=10000, checkpoint_every=500, validate_every=1000, picture_every=2000),
)
