"""The model of the default bundle: `edge_first`, trained on with smaller batches of half clips and slower codebooks.

    python -m experiments.train edge_first --data DATA --run FIRST
    python -m experiments.train edge --data DATA --run RUN --init-from FIRST
    vqvae-jax export edge.safetensors --run RUN

Hardware    one of the two cores of a shared machine, 57 min after `edge_first`
Data        UCF101 groups 8-25 of 21 classes at 64x64, 16 fps: 4,182 training clips, digest f59d01f0
Score       309 clips of groups 3-7 (digest b3ba1ed5): 26.92 dB, 0.8705 SSIM, 0.1634 bpp entropy-coded, 0.3516 formula,
            0.3054 DEFLATE, all codes of both levels in use, top level alone 20.35 dB; in files 26.86 dB, 0.8688;
            step 12000 (best), seed 0
            1000 / 2000 / 3000 / 4000 / 5000 / 6000 / 7000 / 8000 / 9000 / 10000 / 11000 / 12000 steps: 25.98 / 26.12 /
            26.11 / 26.23 / 26.30 / 26.31 / 26.35 / 26.40 / 26.46 / 26.51 / 26.55 / 26.58 dB on 64 validation clips
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
