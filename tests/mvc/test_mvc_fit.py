"""A fit is a run: it learns, goes on bit for bit where it was left, and says what files will have."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from tests.mvc.tiny_mvc import TINY, scene
from tests.training.left_runs import curves, kept_programs, last, left_after
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.coded import rounded, rounded_bits, scene_embeddings, stepped, stepped_bits
from vqvae_jax.mvc.context import scene_context
from vqvae_jax.mvc.encodings import time_codes
from vqvae_jax.mvc.experiment import Experiment, FitConfig, LossConfig
from vqvae_jax.mvc.network import decode
from vqvae_jax.mvc.quantise import codes, range_grid, values
from vqvae_jax.mvc.scene import fit_scene, fitted, sized
from vqvae_jax.mvc.schedule import learning_rates, phases
from vqvae_jax.mvc.train import MvcTask
from vqvae_jax.training.config import TrainingConfig

SMALL = replace(TINY, pad_right=1)
EXPERIMENT = Experiment(
    name="tiny",
    model=SMALL,
    loss=LossConfig(flow_source="shift", flow_shift=(-1.0, 0.0), consistency=0.1, window=3),
    fit=FitConfig(learning_rate=1e-2, rate=0.1, bpp=5.0, rate_share=0.5),
    training=TrainingConfig(
        steps=20, log_every=5, checkpoint_every=100, validate_every=10, picture_every=0, validation_clips=1
    ),
)


def run(folder, leave_after=None, experiment=EXPERIMENT):
    with left_after(leave_after):
        assert fit_scene(experiment, scene(SMALL), folder, "waves") == 0


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A whole run; what it compiled is there for those that resume."""
    folder = tmp_path_factory.mktemp("fit") / "straight"
    with kept_programs(tmp_path_factory.mktemp("compiled"), 0):
        run(folder)
        yield folder


@pytest.mark.slow
def test_a_fit_goes_on_bit_for_bit(straight, tmp_path):
    run(tmp_path / "parts", leave_after=7)
    run(tmp_path / "parts", leave_after=9)
    assert last(tmp_path / "parts")[0] == 16
    run(tmp_path / "parts")
    assert last(tmp_path / "parts") == last(straight)
    assert curves(tmp_path / "parts") == curves(straight)


@pytest.mark.slow
def test_a_fit_learns_and_logs_its_terms(straight):
    lines = [line for line in curves(straight) if "loss" in line]
    assert lines[-1]["pixel_loss"] < 0.8 * lines[0]["pixel_loss"]
    assert {"psnr", "flow/loss", "flow/entropy", "flow/mask", "consistency"} <= set(lines[0])
    assert {"weights_bpp", "bpp", "rate"} <= set(lines[-1]) and "weights_bpp" not in lines[0]


@pytest.mark.slow
def test_validation_sees_the_scene_as_a_decoder_would(straight):
    found = fitted(EXPERIMENT, straight)
    assert found.step == 20 and found.learned
    fit, params = EXPERIMENT.fit, found.params
    task = MvcTask(EXPERIMENT, 20, purpose="reconstructing")
    seen = jax.jit(task.reconstruct)(params, {"counts": np.True_}, scene(SMALL)[None])
    padded = np.pad(scene(SMALL), ((0, 0), (0, 0), (0, 1), (0, 0)), mode="edge")

    def by_hand(params):
        embeddings, bits = scene_embeddings(SMALL, fit, params, scene_context(SMALL, padded))
        decoded = decode(SMALL, stepped(SMALL, params), time_codes(SMALL), embeddings)
        return decoded.frames[:, :, :-1], stepped_bits(SMALL, fit, params) + bits

    shown, total = jax.jit(by_hand)(params)
    assert np.abs(np.asarray(seen.frames[0], np.float32) - 255 * np.asarray(shown)).max() < 0.51
    np.testing.assert_allclose(seen.measures["bpp"][0] * np.prod(SMALL.clip), total, rtol=1e-4)
    last = [line for line in curves(straight) if "validation/psnr" in line][-1]
    error = np.square(np.asarray(seen.frames[0], np.float64) - scene(SMALL)).mean((1, 2, 3))
    np.testing.assert_allclose(last["validation/psnr"], (10 * np.log10(255**2 / error)).mean(), atol=0.05)
    assert set(task.summarise(seen.measures, SMALL.clip).bpp) == {"formula", "entropy"}


@pytest.mark.slow
def test_ranges_and_entropies_are_those_of_numpys_grids(straight):
    fit, params = EXPERIMENT.fit, fitted(EXPERIMENT, straight).params
    total = 0.0
    shown, bits = jax.jit(lambda params: (rounded(fit, params), rounded_bits(fit, params)))(params)
    for name, x in params.decoder.items():
        x = np.asarray(x)
        grid = range_grid(x, fit.weight_bits)
        numbers = codes(x, grid)
        np.testing.assert_allclose(shown[name], values(numbers, grid), atol=float(grid.step) * 1.01)
        counts = np.unique(numbers, return_counts=True)[1]
        total -= (counts * np.log2(counts / x.size)).sum()
    np.testing.assert_allclose(bits, total, rtol=0.01)


def test_phases_are_shares_of_the_fit():
    def named(**fit):
        found = phases(replace(EXPERIMENT, fit=FitConfig(**fit)), 100)
        return [(phase.name, phase.first) for phase in found]

    assert named() == [("fit", 0), ("rounded", 90)]
    assert named(quantised=0.0) == [("fit", 0)]
    assert named(rate=1.0) == [("fit", 0), ("rate", 60)]
    assert named(rate=1.0, quantised=0.7) == [("fit", 0), ("rounded", 30), ("rate", 60)]
    assert named(rate=1.0, rate_share=1.0) == [("rate", 0)]


def test_learning_rates_are_the_specifications():
    base = replace(EXPERIMENT, loss=LossConfig(), model=replace(TINY, frames=4))
    mvc, enerv, scale = (
        learning_rates(replace(base, fit=FitConfig(schedule=name)), 3600) for name in ("mvc", "enerv", "scale")
    )
    for step in (0, 39, 40, 3599):
        assert np.isclose(mvc(step), 5e-4 * 0.9 ** (step // 40), rtol=1e-5)
        assert np.isclose(scale(step), mvc(step), rtol=1e-4)  # 900 epochs of 4 frames
    assert np.isclose(mvc(3599), 4.2e-8, rtol=0.01)
    assert np.isclose(enerv(0), 5e-5) and np.isclose(enerv(720), 5e-4) and np.isclose(enerv(360), 2.75e-4)
    assert np.isclose(enerv(720 + 1440), 2.5e-4) and enerv(3599) < 1e-9


def test_what_does_not_go_together_is_refused():
    with pytest.raises(UserError, match="fitted to a video"):
        MvcTask(EXPERIMENT, 10)
    with pytest.raises(UserError, match=r"loss\.features"):
        LossConfig(consistency=1.0, features="off")
    with pytest.raises(UserError, match=r"data\.frames"):
        replace(EXPERIMENT, data=replace(EXPERIMENT.data, frames=2))
    with pytest.raises(UserError, match="does not fit this model"):
        fit_scene(EXPERIMENT, scene(TINY)[:3], "nowhere")
    assert sized(EXPERIMENT, scene(TINY)[:3]).model.clip == (3, 18, 24)


def test_all_shapes_of_a_run_are_known_without_a_scene():
    planned = MvcTask(EXPERIMENT, 10, purpose="planning")
    state = planned.abstract()
    assert state.extras["memory"].shape == (5, 512) and state.params.learned.mean.shape[0] == len(state.params.decoder)
    assert planned.constants.flow.shape == (5, 18, 24, 4)
    batch = jax.ShapeDtypeStruct((2, 1, 18, 24, 3), np.uint8), jax.ShapeDtypeStruct((2,), np.int32)
    assert planned.stages[0].numbered and batch[0].shape[1] == EXPERIMENT.data.frames
