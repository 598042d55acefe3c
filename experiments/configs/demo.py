"""The package's `ntc`, trained on for a hundred steps on videos of one's own; what `make demo` does.

    python -m experiments.train demo --data DIR --run DIR --init-from ntc

A hundred small steps that fall to nothing, and a moving average that holds on to the weights it began with: what the
model knows already is not to be lost. The whole price of a bit counts from the first step.

Hardware    two cores of a shared AMD EPYC, beside a little other work: `make demo` in 4 min 59 s
Data        54 clips of camera moves over photographs, made by `make demo`
Score       files of 18 clips of other photographs, at qualities 20 to 80: 2.1 % fewer bits at equal PSNR (Bjontegaard),
            in 12 of 18 clips; of the three photographs two -5 %, the third +6 % in a run before it (-2.3 %)
            38 clips of 9 UCF101 videos, the kind of video that `ntc` was trained on: those of other groups +2.4 % (5
            clips); nothing is left to gain there. Where the average forgets its start: 2e-4 for
            Muon +0.9 % (photographs), 1e-3 +10.9 % there and +21.5 % on UCF101, though on other moves over the
            *same* photographs -13.5 %
"""

from dataclasses import replace

from experiments.configs import ntc

config = replace(
    ntc.config,
    name="demo",
    loss=replace(ntc.config.loss, start_weight=1.0),
    optimizer=replace(
        ntc.config.optimizer,
        learning_rate=3e-4,
        adam_learning_rate=1e-4,
        fast_learning_rate=3e-4,
        warmup_steps=5,
        decay_fraction=0.9,
        weight_ema=0.99,
        weight_ema_start="kept",
    ),
    # Half clips: half the time of a step, and of compiling it.
    data=replace(ntc.config.data, frames=16, temporal_jitter=True),
    training=replace(
        ntc.config.training, steps=100, log_every=5, checkpoint_every=100, validate_every=50, validation_clips=12
    ),
)
