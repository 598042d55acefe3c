"""Figures of the rate-distortion job are those of the evaluation job."""

import numpy as np
import pytest

from experiments.rd.ffmpeg import Processes
from experiments.rd.measure import Measure, run_vmaf
from tests.evaluation.example_run import moving_squares
from tests.losses.conftest import random_trunk, random_weights  # noqa: F401 (fixtures)
from vqvae_jax.evaluation.quality import measure_quality

DIVISORS = (0.5, 0.6, 0.4)
CLIP = moving_squares(1, (3, 16, 16))[0]


@pytest.fixture
def measure(random_trunk, monkeypatch):  # noqa: F811
    monkeypatch.setattr("experiments.rd.measure.vmaf_refused", lambda *_: "left out here")
    return Measure(CLIP.shape, random_trunk, DIVISORS, Processes())


def test_features_computed_once_give_the_distances_of_the_evaluation(measure, random_trunk):  # noqa: F811
    reference = measure.reference(CLIP)
    for noise in (3, 20):
        estimate = np.clip(CLIP + np.random.default_rng(noise).normal(0, noise, CLIP.shape), 0, 255).astype(np.uint8)
        figures = measure.figures(reference, estimate)
        expected = measure_quality(CLIP[None], estimate[None], random_trunk, DIVISORS)
        assert set(figures) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(figures[name], value[0], rtol=1e-6, err_msg=name)


def test_small_clips_have_no_ms_ssim_and_this_is_said(measure):
    assert "176" in measure.ms_ssim_reason
    assert "ms_ssim" not in measure.figures(measure.reference(CLIP), CLIP)


def test_large_clips_have_ms_ssim(monkeypatch):
    monkeypatch.setattr("experiments.rd.measure.vmaf_refused", lambda *_: "left out here")
    clip = moving_squares(1, (1, 176, 176))[0]
    measure = Measure(clip.shape, None, DIVISORS, Processes())
    assert measure.ms_ssim_reason is None
    assert measure.figures(measure.reference(clip), clip)["ms_ssim"] == pytest.approx(1, abs=1e-5)


def test_small_clips_have_no_vmaf_and_figures_kept_with_one_are_still_good(monkeypatch):
    monkeypatch.setattr("experiments.rd.measure.vmaf_refused", lambda *_: None)
    monkeypatch.setattr("experiments.rd.measure.ffmpeg_version", lambda: "n1")
    small = Measure((3, 64, 64, 3), None, DIVISORS, Processes())
    assert "192" in small.vmaf_reason and small.vmaf(CLIP, CLIP) is None
    assert small.key["vmaf"] == "vmaf_v0.6.1, FFmpeg n1"
    assert Measure((3, 192, 192, 3), None, DIVISORS, Processes()).vmaf_reason is None


def test_vmaf_of_a_clip_with_itself_is_high_and_falls_with_blur():
    pytest.importorskip("imageio_ffmpeg", reason="FFmpeg with libvmaf")
    clip = moving_squares(1, (4, 64, 64))[0]
    blurred = np.repeat(np.repeat(clip[:, ::4, ::4], 4, axis=1), 4, axis=2)
    same, worse = run_vmaf(Processes(), clip, clip), run_vmaf(Processes(), clip, blurred)
    assert same > 90 and worse < same - 10
