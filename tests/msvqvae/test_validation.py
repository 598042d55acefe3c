"""PSNR on fixed validation clips, against plain NumPy on what the model's functions give."""

from pathlib import Path

import jax
import numpy as np
import pytest
from narrow_models import CLIP, narrow_experiment, random_clips, started

from vqvae_jax.msvqvae.reconstruct import decode, encode
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.training.state import TrainState
from vqvae_jax.training.validate import Validation


class Clips:
    """A split of seven clips of twice the frames that are looked at."""

    data_dir, split, digest = Path("x"), "validation", "d"
    clip_shape = (2 * CLIP[0], *CLIP[1:], 3)
    array = random_clips(7, (2 * CLIP[0], *CLIP[1:]), seed=3)

    def __len__(self):
        return len(self.array)

    def ids(self, records):
        return [str(r) for r in records]

    def read(self, records):
        return self.array[np.asarray(records)]


def psnr(a_BTHWC, b_BTHWC):
    """Mean over frames, then clips, of 8-bit PSNR."""
    error = np.mean(np.square(a_BTHWC.astype(np.float64) - b_BTHWC), axis=(2, 3, 4))
    return (10 * np.log10(255**2 / error)).mean(axis=1).mean()


@pytest.mark.parametrize("mapping", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)])
def test_psnr_is_that_of_numpy_and_a_padded_last_batch_does_not_bias_it(mapping):
    experiment = narrow_experiment("tiny")
    model, params, books = started(experiment.model)
    state = TrainState(np.int32(0), params, (), None, {"codebooks": books})
    clips = Clips()
    validation = Validation(MSVQVAETask(experiment, 1), mapping, clips, 64, per_device=3)  # batches of 3, 3 and 1
    assert validation.records == list(range(7))
    looked_at = clips.array[:, : CLIP[0]]

    @jax.jit
    def expected(x):
        indices = encode(model, params, books, x)
        return [decode(model, params, books, indices, without=level) for level in (None, "top", "bottom")]

    whole, without_top, without_bottom = map(np.asarray, expected(looked_at))
    got = validation.figures(state)
    assert got == {
        "psnr": pytest.approx(psnr(looked_at, whole), abs=1e-3),
        "psnr_without_top": pytest.approx(psnr(looked_at, without_top), abs=1e-3),
        "psnr_without_bottom": pytest.approx(psnr(looked_at, without_bottom), abs=1e-3),
    }
    originals, estimates = validation.reconstructions(state, 4)
    np.testing.assert_array_equal(originals, looked_at[:4])
    np.testing.assert_allclose(estimates.astype(int), whole[:4], atol=1)


def test_fewer_clips_are_spread_over_the_split_and_a_single_level_has_none_to_remove():
    experiment = narrow_experiment("vqvae3d")
    _, params, books = started(experiment.model)
    state = TrainState(np.int32(0), params, (), None, {"codebooks": books})
    validation = Validation(MSVQVAETask(experiment, 1), "auto", Clips(), 3, per_device=8)
    assert validation.records == [0, 2, 4]
    assert list(validation.figures(state)) == ["psnr"]
    originals, estimates = validation.reconstructions(state, 4)  # more than there are
    assert originals.shape == estimates.shape == (3, *CLIP, 3)
