"""The rows: what each changes of the experiment `ablation`, as options of `experiments.train`."""

from typing import NamedTuple

BASE = "base"
WHOLE_BASE = "whole"
#: As many frames in batches of 2 whole clips. A model of long temporal strides that has seen half clips only, two steps
#: of its codes, does far worse on whole ones (docs/results/ablations.md).
WHOLE = "--data.batch-size 2 --data.frames 32 --model.clip 32 64 64"


class Row(NamedTuple):
    """A short run and what it is called in the table."""

    name: str  # of the run's folder
    group: str  # rows that answer one question
    label: str
    options: tuple[str, ...] = ()
    base: str = BASE  # the row that it is compared with


def _rows(group: str, *entries: tuple[str, str, str], base: str = BASE) -> list[Row]:
    return [Row(name, group, label, tuple(options.split()), base) for name, label, options in entries]


ROWS = [
    *_rows(
        "Seed",
        (BASE, "`ablation`, seed 0", ""),
        ("base_seed1", "seed 1", "--training.seed 1 --data.seed 1"),
        ("base_seed2", "seed 2", "--training.seed 2 --data.seed 2"),
    ),
    *_rows(
        "Optimiser",
        ("muon", "Muon", "--optimizer.algorithm muon"),
        ("lr_third", "learning rate / 3", "--optimizer.learning-rate 5e-4"),
        ("lr_triple", "learning rate x 3", "--optimizer.learning-rate 4.5e-3"),
        ("batch2", "batches of 2, twice the steps", "--data.batch-size 2 --training.steps 800"),
        ("batch8", "batches of 8, half the steps", "--data.batch-size 8 --training.steps 200"),
    ),
    *_rows(
        "Shape at equal multiply-accumulates; base: 3 + 4 blocks of 96 channels, 1x3x3 and 3x1x1",
        (
            "wide",
            "2 + 2 blocks of 128",
            "--model.width 128 --model.hidden 128 --model.encoder-blocks 2 --model.decoder-blocks 2",
        ),
        (
            "deep",
            "5 + 7 blocks of 72",
            "--model.width 72 --model.hidden 72 --model.encoder-blocks 5 --model.decoder-blocks 7",
        ),
        ("full_equal", "3x3x3, 41 channels inside", "--model.block full --model.hidden 41 --model.top-hidden 41"),
        ("full_wide", "3x3x3, 96 inside: twice the arithmetic", "--model.block full"),
        ("groups4", "4 groups: 0.42 of the arithmetic", "--model.groups 4"),
        ("layer_norm", "LayerNorm for RMSNorm", "--model.norm layer"),
    ),
    *_rows(
        "Loss",
        ("l1", "absolute error", "--loss.reconstruction l1"),
        ("matched1", "VGG, gamma 0.1 matched", "--loss.gamma 0.1 --loss.perceptual-frames 4"),
        ("matched4", "VGG, gamma 0.4 matched", "--loss.gamma 0.4 --loss.perceptual-frames 4"),
        (
            "literal4",
            "VGG, gamma 0.4 literal",
            "--loss.gamma 0.4 --loss.gamma-rule literal --loss.perceptual-frames 4",
        ),
        ("commitment_fifth", "commitment 0.05", "--loss.commitment 0.05"),
        ("commitment_four", "commitment 1", "--loss.commitment 1.0"),
    ),
    *_rows(
        "Codebooks; base: 1024 codes of 128, decay 0.9, dead codes by splitting",
        ("revival_none", "no revival", "--quantizer.revival none"),
        ("revival_sample", "dead codes from the batch", "--quantizer.revival sample"),
        ("decay99", "decay 0.99", "--quantizer.decay 0.99"),
        ("dim32", "32 dimensions", "--model.top.dim 32 --model.bottom.dim 32"),
        ("dim8", "8 dimensions", "--model.top.dim 8 --model.bottom.dim 8"),
        ("unit32", "32, unit length", "--model.unit-codes True --model.top.dim 32 --model.bottom.dim 32"),
        ("no_dropout", "no level dropout", "--model.level-dropout 0"),
    ),
    *_rows(
        "Data; base: mirrored, the first 16 of 32 frames",
        ("no_flip", "not mirrored", "--data.flip False"),
        ("jitter", "16 of 32 frames from a random one on", "--data.temporal-jitter True"),
    ),
    *_rows(
        "Strides (t, h, w) of bottom and top at equal bits, on whole clips",
        (WHOLE_BASE, "(2, 4, 4), (4, 8, 8), as `tiny`", WHOLE),
        ("time1", "(1, 8, 4), (4, 8, 8)", f"{WHOLE} --model.bottom.strides 1 8 4"),
        ("time4", "(4, 2, 4), (8, 4, 8)", f"{WHOLE} --model.bottom.strides 4 2 4 --model.top.strides 8 4 8"),
        ("time8", "(8, 2, 2), (8, 8, 4)", f"{WHOLE} --model.bottom.strides 8 2 2 --model.top.strides 8 8 4"),
        base=WHOLE_BASE,
    ),
    *_rows(
        "Rate: latent strides and codebook sizes, on whole clips",
        ("codes256", "256 codes a level", f"{WHOLE} --model.top.codes 256 --model.bottom.codes 256"),
        ("codes4096", "4096 codes a level", f"{WHOLE} --model.top.codes 4096 --model.bottom.codes 4096"),
        ("half_time", "(4, 4, 4), (8, 8, 8)", f"{WHOLE} --model.bottom.strides 4 4 4 --model.top.strides 8 8 8"),
        ("coarse", "(4, 8, 8), (8, 16, 16)", f"{WHOLE} --model.bottom.strides 4 8 8 --model.top.strides 8 16 16"),
        base=WHOLE_BASE,
    ),
]
