"""The figures in an evaluation file against brute force over the clips, with scikit-image and zlib."""

import math
import zlib

import numpy as np
import pytest
from example_run import CLIP, EXPERIMENT, moving_squares, single_level, write_data, write_run
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.job import evaluate
from vqvae_jax.evaluation.quality import summarise
from vqvae_jax.losses.perceptual import perceptual_distance
from vqvae_jax.losses.vgg_weights import expected_shapes, load_vgg
from vqvae_jax.metrics.h264 import h264_bytes
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.reconstruct import decode, reconstruct
from vqvae_jax.precision import normalise

CLIPS = moving_squares(5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("figures")
    states = write_run(root / "run")
    return root, write_data(root / "data", CLIPS), states[10]


@pytest.fixture(scope="module", params=[4, 8])
def measured(request, folders):
    root, data, state = folders
    out = root / f"batch_{request.param}.json"
    result = evaluate(EvaluateConfig(root / "run", data, out, batch_size=request.param, files=0), say=lambda line: None)
    model = MSVQVAE(EXPERIMENT.model)
    estimate, indices = reconstruct(model, state.ema_params, state.extras["codebooks"], CLIPS)
    return result, state, np.asarray(estimate), {name: np.asarray(i) for name, i in indices.items()}


def frames_psnr(estimate):
    return np.array(
        [
            [peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(x, y, strict=True)]
            for x, y in zip(CLIPS, estimate, strict=True)
        ]
    )


def test_quality_is_that_of_scikit_image_whatever_the_batch_size(measured):
    result, _, estimate, _ = measured
    quality = result["checkpoints"][0]["quality"]
    psnr = frames_psnr(estimate)
    ssim = [
        np.mean([structural_similarity(a, b, channel_axis=-1, data_range=255) for a, b in zip(x, y, strict=True)])
        for x, y in zip(CLIPS, estimate, strict=True)
    ]
    error = np.diff(CLIPS.astype(float), axis=1) - np.diff(estimate.astype(float), axis=1)
    difference = 10 * np.log10(255**2 / np.mean(error**2, axis=(2, 3, 4)))
    np.testing.assert_allclose(quality["clips"]["psnr"], psnr.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(quality["clips"]["ssim"], ssim, atol=1e-4)
    np.testing.assert_allclose(quality["clips"]["difference_psnr"], difference.mean(axis=1), atol=1e-3)
    np.testing.assert_allclose(quality["psnr_by_position"], psnr.mean(axis=0), atol=1e-3)
    assert quality["mean"]["psnr"] == pytest.approx(psnr.mean(), abs=1e-3)
    assert quality["mean"]["ssim"] == pytest.approx(np.mean(ssim), abs=1e-4)
    assert quality["mean"]["difference_psnr"] == pytest.approx(difference.mean(), abs=1e-3)
    assert quality["mean"]["lossless_frames"] == 0
    assert quality["mean"]["perceptual"] is None


def test_rates_are_those_of_the_indices_serialised_clip_by_clip(measured):
    result, _, _, indices = measured
    entry = result["checkpoints"][0]
    pixels = math.prod(CLIP)
    streams = [
        np.concatenate([indices[name][clip].reshape(-1) for name in ("top", "bottom")]).astype("<u2").tobytes()
        for clip in range(len(CLIPS))
    ]
    deflated = [len(zlib.compress(stream, 9)) for stream in streams]
    as_h264 = [h264_bytes(clip, 16) for clip in CLIPS]
    assert entry["diagnostics"]["deflate_bytes"] == deflated
    assert result["h264"]["clip_bytes"] == as_h264
    assert set(entry["estimates"]) == {"formula", "deflate", "entropy"}
    assert entry["estimates"]["formula"] == pytest.approx((4 * 3 + 32 * 4) / pixels)
    assert entry["estimates"]["deflate"] == pytest.approx(8 * np.mean(deflated) / pixels)


def test_codebook_figures_count_every_index_of_every_clip_once(measured):
    result, _, _, indices = measured
    for name, codes in (("top", 8), ("bottom", 16)):
        level = result["checkpoints"][0]["diagnostics"]["levels"][name]
        values, counts = np.unique(indices[name], return_counts=True)
        shares = counts / counts.sum()
        assert level["counts"] == np.bincount(indices[name].reshape(-1), minlength=codes).tolist()
        assert level["usage"] == pytest.approx(len(values) / codes)
        assert level["perplexity"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-5)
        assert level["entropy_bits"] == pytest.approx(-(shares * np.log2(shares)).sum())


def test_a_removed_level_is_measured_on_what_the_others_decode_to(measured):
    result, state, _, indices = measured
    for name in ("top", "bottom"):
        part = result["checkpoints"][0]["without"][name]
        estimate = decode(MSVQVAE(EXPERIMENT.model), state.ema_params, state.extras["codebooks"], indices, without=name)
        expected = frames_psnr(np.asarray(estimate)).mean(axis=1)
        np.testing.assert_allclose(part["clip_psnr"], expected, atol=1e-3)
        assert part["psnr"] == pytest.approx(expected.mean(), abs=1e-3)


def test_the_mean_frame_baseline_is_that_of_numpy(measured):
    mean = np.round(CLIPS.astype(np.float64).mean(axis=1, keepdims=True)).astype(np.uint8)
    expected = frames_psnr(np.broadcast_to(mean, CLIPS.shape))
    quality = measured[0]["baselines"]["mean_frame"]["quality"]
    np.testing.assert_allclose(quality["clips"]["psnr"], expected.mean(axis=1), atol=2e-3)
    np.testing.assert_allclose(quality["psnr_by_position"], expected.mean(axis=0), atol=2e-3)


def test_perceptual_distance_is_measured_with_the_trunk_found_and_its_digest_kept(folders, tmp_path):
    root, data, state = folders
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "vgg.npz", **{n: 0.05 * rng.normal(size=s).astype(np.float32) for n, s in expected_shapes().items()}
    )
    config = EvaluateConfig(root / "run", data, tmp_path / "r.json", files=0, vgg_weights=tmp_path / "vgg.npz", clips=3)
    result = evaluate(config, say=lambda line: None)
    trunk, means = load_vgg(tmp_path / "vgg.npz"), EXPERIMENT.loss.layer_means
    chosen = CLIPS[[0, 1, 3]]  # three of five, evenly spread
    estimate = reconstruct(MSVQVAE(EXPERIMENT.model), state.ema_params, state.extras["codebooks"], chosen).frames
    expected = perceptual_distance(trunk, normalise(chosen), normalise(estimate), means)
    np.testing.assert_allclose(result["checkpoints"][0]["quality"]["clips"]["perceptual"], expected, rtol=1e-4)
    assert result["perceptual"]["trunk"] == trunk.digest
    assert result["perceptual"]["layer_means"] == list(means)
    assert result["data"]["clip_ids"] == [f"v_Square_g01_c{i:02d}/0000" for i in (0, 1, 3)]
    assert result["data"]["clips_in_split"] == 5


def test_a_single_level_model_on_larger_clips_is_evaluated_too(tmp_path):
    write_run(tmp_path / "run", experiment=single_level())
    data = write_data(tmp_path / "data", moving_squares(2, (6, 24, 20)))
    config = EvaluateConfig(tmp_path / "run", data, tmp_path / "r.json", files=0)
    entry = evaluate(config, say=lambda line: None)["checkpoints"][0]
    assert entry["diagnostics"]["levels"]["bottom"]["grid"] == [3, 6, 5]
    assert list(entry["diagnostics"]["levels"]) == ["bottom"]
    assert len(entry["quality"]["psnr_by_position"]) == 6


def test_identical_frames_count_as_lossless_at_the_cap_and_one_frame_has_no_differences():
    figures = {
        "psnr": np.array([[100.0], [20.0]]),
        "ssim": np.array([[1.0], [0.5]]),
        "lossless": np.array([[True], [False]]),
    }
    quality = summarise(figures)
    assert quality["mean"] == {
        "psnr": 60.0,
        "ssim": 0.75,
        "difference_psnr": None,
        "perceptual": None,
        "lossless_frames": 1,
    }
