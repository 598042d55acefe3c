"""The default bundle: rate and distortion trained together, six lambdas, recurrent over units of four frames.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train ntc --data DATA --run RUN
    vqvae-jax export ntc.safetensors --run RUN --step latest --clips 1000

Hardware    2 cores of a shared machine, 83 min beside other work, then 2 min for the export; seed 0
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       1000 / 2000 / 3000 / 4000 / 5000 / 6000 steps: 27.73 / 28.00 / 28.20 / 28.47 / 28.65 / 28.72 dB at
            lambda 1.6e-3 on 48 validation clips, objective 0.2488 / 0.2323 / 0.2234 / 0.2172 / 0.2131 / 0.2138; the
            prior fitted once more to rounded latents takes 12.7, 7.5, 4.6, 2.4, 1.1 and 0.4 % fewer bits at the six
            lambdas. Files of the 309 test clips: docs/results.md
"""

from vqvae_jax.ntc.experiment import Experiment
from vqvae_jax.training.config import TrainingConfig

config = Experiment(
    training=TrainingConfig(steps=6000, checkpoint_every=500, validate_every=1000, picture_every=2000),
)
