"""A whole fit of the smallest named network: it learns a made video, and its embeddings tell frames apart."""

from dataclasses import replace

import numpy as np
import pytest

from experiments import configs
from vqvae_jax.mvc.scene import fit_scene
from vqvae_jax.training.logs import read_metrics

EPOCHS = 60


def moving_square(frames=32, side=64):
    """A square that goes over waves; every frame has one more square at a random place."""
    rng = np.random.default_rng(0)
    y, x, k = np.ogrid[:side, :side, :3]
    ground = 110 + 50 * np.sin(0.2 * x + k) + 40 * np.cos(0.15 * y)
    clip = np.repeat(np.round(ground)[None], frames, axis=0)
    for t, frame in enumerate(clip):
        frame[20:32, 4 + t : 16 + t] = (220, 60, 40)
        row, column = rng.integers(4, side - 16, 2)
        frame[row : row + 10, column : column + 10] = (30, 30, 200)
    return clip.astype(np.uint8)


@pytest.mark.slow
def test_the_smallest_network_learns_and_embeddings_help_with_what_time_does_not_tell(tmp_path):
    found = {}
    base = configs.load("mvc_micro64")
    training = replace(base.training, epochs=EPOCHS, validate_every=EPOCHS * 32)
    for kind, context in (("mvc", "pool"), ("enerv", "off")):
        experiment = replace(base, model=replace(base.model, kind=kind, context=context), training=training)
        assert fit_scene(experiment, moving_square(), tmp_path / kind) == 0
        (last,) = (line for line in read_metrics(tmp_path / kind) if "validation/psnr" in line)
        found[kind] = last["validation/psnr"]
    assert found["mvc"] > 25
    assert found["mvc"] > found["enerv"]
