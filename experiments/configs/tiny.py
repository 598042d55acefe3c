"""A 1.7 M model for two CPU cores: the bits of `msvqvae` at a sixteenth of the arithmetic, no perceptual loss.

    python -m data_prep --videos ucf101_64 --out DATA --format npy --ratios 90 10 0
    python -m experiments.train tiny --data DATA --run RUN

Hardware    2 cores of a shared machine, 32 min
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       309 clips of groups 3-7 (digest b3ba1ed5): 25.54 dB, 0.8238 SSIM, 0.3516 bpp formula, 0.2609 bpp DEFLATE,
            98.5 % of the top's and all of the bottom's codes in use; step 1800, seed 0
            250 / 500 / 750 / 1000 / 1250 / 1500 / 1800 steps: 21.96 / 23.77 / 24.41 / 24.60 / 24.92 / 25.14 / 25.23 dB
            on 64 validation clips
"""

from dataclasses import replace

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.named import TINY_MODEL
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig

config = Experiment(
    name="tiny",
    # One clip in ten seen through the top alone would take a large part of so short a run's gradient.
    model=replace(TINY_MODEL, level_dropout=0.0),
    # The encoder soon leaves its first codes behind. With 0.99 a code is known to be dead only after 350 steps, and
    # a short run waits for that.
    quantizer=QuantizerConfig(decay=0.9),
    loss=LossConfig(gamma=0.0),
    # The first gradients are ten times the later ones; unclipped they fill Adam's second moment and slow the next
    # thousand steps.
    optimizer=OptimizerConfig(learning_rate=1.5e-3, reference_batch=4, warmup_steps=50, clip_norm=0.1),
    data=PipelineConfig(batch_size=4),
    training=TrainingConfig(steps=1800, checkpoint_every=250, validate_every=250, picture_every=500),
)
