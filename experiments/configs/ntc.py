"""The default bundle: rate and distortion trained together, six lambdas, recurrent over units of four frames.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train ntc --data DATA --run FIRST
    vqvae-jax export first.safetensors --run FIRST --step latest --clips 1000
    python -m data_prep --videos ucf101_64 --out DATA8 --format npy --ratios 90 10 0 --hop 8
    python -m experiments.train ntc --data DATA8 --run SECOND --init-from first.safetensors --steps 4400 \
        --loss.start-weight 1 --optimizer.learning-rate 0.0015 --optimizer.adam-learning-rate 5e-4 \
        --optimizer.fast-learning-rate 2.5e-3 --optimizer.warmup-steps 150 --optimizer.decay-fraction 1 \
        --training.validate-every 1100 --training.validation-clips 48
    vqvae-jax export ntc.safetensors --run SECOND --step latest --clips 1000

Hardware    2 cores of shared machines: first 83 min of both beside other work, then 110 min of one core; 2 min for each
            export; seed 0
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0, then 14,443 that
            overlap (read at the times of their time stamps and in exact colours), digest 68a43dab
Score       First, 1000 / 2000 / 3000 / 4000 / 5000 / 6000 steps: 27.73 / 28.00 / 28.20 / 28.47 / 28.65 / 28.72 dB at
            lambda 1.6e-3 on 48 validation clips, objective 0.2488 / 0.2323 / 0.2234 / 0.2172 / 0.2131 / 0.2138; the
            prior fitted once more to rounded latents takes 12.7, 7.5, 4.6, 2.4, 1.1 and 0.4 % fewer bits at the six
            lambdas. Second, 48 other validation clips, 1100 / 2200 / 3300 / 4400 steps: 28.48 / 28.58 / 28.64 / 28.68
            dB, objective 0.2207 / 0.2175 / 0.2160 / 0.2158 before the prior is fitted again; files of these clips take
            3.4 % fewer bits than those of the first (docs/results/ntc.md). Files of the test clips: docs/results.md
"""

from vqvae_jax.ntc.experiment import Experiment
from vqvae_jax.training.config import TrainingConfig

config = Experiment(
    training=TrainingConfig(steps=6000, checkpoint_every=500, validate_every=1000, picture_every=2000),
)
