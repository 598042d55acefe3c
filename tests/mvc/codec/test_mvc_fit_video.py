"""A video to a file: cuts, fits, whole numbers; and what is said of it is what a decoder finds."""

import io
import math
from fractions import Fraction

import numpy as np
import pytest

from tests.mvc.codec.coded_mvc import SHAPE
from tests.mvc.tiny_mvc import scene, tiny_params
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import FitWish
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.codec import fit
from vqvae_jax.mvc.codec.model import MvcModel
from vqvae_jax.mvc.config import MvcConfig, for_scene
from vqvae_jax.mvc.count import parameters
from vqvae_jax.mvc.experiment import Experiment, FitConfig
from vqvae_jax.mvc.quantise import learned_from
from vqvae_jax.mvc.scene import Fitted

WISH = FitWish(parameters=10_000, epochs=3)


def tiny_plan(lengths, size, wish):
    return [for_scene(MvcConfig(**SHAPE | {"fusion": "mlp"}), (frames, *size)) for frames in lengths]


@pytest.fixture(scope="module")
def video():
    """Two scenes of 8 and 9 frames, 11x14 pixels."""
    first = scene(tiny_plan([8], (11, 14), WISH)[0])
    second = scene(tiny_plan([9], (11, 14), WISH)[0], seed=3) // 2 + 120
    return np.concatenate([first, second])


@pytest.fixture(scope="module")
def fitted(video, tmp_path_factory):
    """The model, and the folder of its runs."""
    run = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "plan", tiny_plan)
        patch.setattr(fit, "LEAST_FRAMES", 4)
        return fit.fit_video(video, WISH, run), run


@pytest.mark.slow
def test_what_is_said_of_a_fit_is_what_a_decoder_finds_in_the_file(fitted, video):
    model, _ = fitted
    memory = io.BytesIO()
    encoded = Encoder(model).encode(video, memory, Fraction(25))
    with Decoder(MvcModel(), memory.getvalue()) as decoder:
        shown = np.array(list(decoder.frames()))
    error = np.square(shown.astype(float) - video).mean(axis=(1, 2, 3))
    assert model.origin["scenes"] == [8, 9]
    assert model.origin["psnr"] == pytest.approx(np.mean(10 * np.log10(255**2 / error)), abs=1e-4)
    assert encoded.bytes == len(memory.getvalue()) and encoded.bpp == 8 * encoded.bytes / (17 * 11 * 14)
    weights = [parameters(s.config) for s in model.scenes]
    formula = sum(n * bits for n, bits in zip(weights, model.origin["weight_bits"], strict=True))
    numbers = sum(s.embedding.numbers.size for s in model.scenes)
    assert model.origin["formula_bpp"] == pytest.approx((formula + 8 * numbers + 2 * 64 * 3) / (17 * 11 * 14))
    assert 0 < model.origin["entropy_bpp"] < model.origin["formula_bpp"]
    with Reader(memory.getvalue()) as reader:
        assert reader.header.chunks == 2


@pytest.mark.slow
def test_a_run_is_gone_on_with_and_gives_the_same_file(fitted, video):
    model, run = fitted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "plan", tiny_plan)
        patch.setattr(fit, "LEAST_FRAMES", 4)
        again = fit.fit_video(video, WISH, run)
        with pytest.raises(UserError, match="scene_0"):
            fit.fit_video(video[::-1].copy(), WISH, run)
    for one, other in zip(model.scenes, again.scenes, strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a.numbers, b.numbers)


def test_the_better_of_two_roundings_is_that_of_more_decibels_for_its_bytes():
    few, many = fit.Rounded(None, 6, 1000, 30.0), fit.Rounded(None, 8, 2000, 31.0)
    assert few.worth > many.worth and many._replace(psnr=31.5).worth > few.worth
    assert few.worth - many.worth == pytest.approx(fit.DB_PER_OCTAVE - 1.0)


@pytest.mark.parametrize("bits", [4.0, 5.5, 7.0])
def test_steps_are_as_long_as_a_wished_for_size_asks(bits):
    config = tiny_plan([8], (11, 14), WISH)[0]
    params = tiny_params(config)
    params = params._replace(learned=learned_from(list(params.decoder.values()), 6, "laplace"))
    pixels, weights = math.prod(config.clip), parameters(config)
    experiment = Experiment(model=config, fit=FitConfig(rate=1.0, bpp=bits * weights / pixels))
    found = fit.best_rounding(experiment, Fitted(params, 1, learned=True), scene(config))
    assert 8 * found.size / weights == pytest.approx(bits, rel=fit.NEAR)
    # One factor for all: distances between values have the ratios of the learned steps.
    own = [float(t.grid.step) for t in found.scene.weights]
    ratios = own / np.exp(np.asarray(params.learned.log_step, np.float64))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-5)


def test_what_cannot_be_met_is_come_near_to():
    sizes = []

    def sized(octaves):
        sizes.append(1000 - 40 * octaves)
        return fit.Sized(None, 0.0, sizes[-1])

    assert fit.of_size(sized, 500, 320).size == 1000 - 40 * fit.MOST_OCTAVES and len(sizes) <= fit.TRIES
    assert fit.of_size(sized, 1005, 320).size == 1000


def test_groups_cover_a_scene_once():
    assert [(g.start, g.stop) for g in fit.groups_of(33)] == [(0, 16), (16, 32), (32, 33)]
    assert math.isclose(sum(g.stop - g.start for g in fit.groups_of(100)), 100)
