"""PSNR against scikit-image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import CAP_DB, difference_psnr, frame_psnr, lossless_frames, to_uint8


def noisy_pair(shape=(2, 5, 17, 24, 3), sigma=9.0, seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.integers(0, 256, shape, dtype=np.uint8)
    estimate = np.clip(reference + sigma * rng.standard_normal(shape), 0, 255).astype(np.uint8)
    return reference, estimate


@pytest.mark.parametrize("sigma", [0.7, 9.0, 80.0])
def test_frame_psnr_equals_scikit_image(sigma):
    reference, estimate = noisy_pair(sigma=sigma)
    ours = jax.jit(frame_psnr)(reference, estimate)
    for b, t in np.ndindex(ours.shape):
        theirs = peak_signal_noise_ratio(reference[b, t], estimate[b, t], data_range=255)
        assert ours[b, t] == pytest.approx(theirs, abs=1e-3)


def test_large_frames_do_not_overflow():
    reference = np.zeros((1, 1, 720, 1280, 3), np.uint8)
    assert frame_psnr(jnp.asarray(reference), jnp.asarray(reference + 255))[0, 0] == pytest.approx(0.0, abs=1e-5)


def test_a_single_differing_value_in_a_large_frame_counts():
    reference = np.full((1, 1, 480, 640, 3), 100, np.uint8)
    estimate = reference.copy()
    estimate[0, 0, 3, 4, 1] += 2
    theirs = peak_signal_noise_ratio(reference[0, 0], estimate[0, 0], data_range=255)
    assert theirs > CAP_DB
    assert frame_psnr(reference, estimate)[0, 0] == CAP_DB
    assert not lossless_frames(reference, estimate)[0, 0]


def test_identical_frames_are_capped_and_counted():
    reference, estimate = noisy_pair()
    estimate[1, 2] = reference[1, 2]
    psnr = np.asarray(frame_psnr(reference, estimate))
    assert psnr[1, 2] == CAP_DB and np.isfinite(psnr).all()
    assert np.argwhere(np.asarray(lossless_frames(reference, estimate))).tolist() == [[1, 2]]


def test_difference_psnr_equals_scikit_image_on_frame_differences():
    reference, estimate = noisy_pair(sigma=30.0)
    ours = jax.jit(difference_psnr)(reference, estimate)
    assert ours.shape == (2, 4)
    for b, t in np.ndindex(ours.shape):
        theirs = peak_signal_noise_ratio(
            np.diff(reference[b].astype(float), axis=0)[t],
            np.diff(estimate[b].astype(float), axis=0)[t],
            data_range=255,
        )
        assert ours[b, t] == pytest.approx(theirs, abs=1e-3)


def test_difference_psnr_ignores_a_constant_offset():
    reference = np.random.default_rng(1).integers(0, 200, (1, 3, 8, 8, 3), dtype=np.uint8)
    assert np.all(np.asarray(difference_psnr(reference, reference + 40)) == CAP_DB)


def test_to_uint8_rounds_to_the_nearest_level_and_clips():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(jnp.asarray(levels / 255.0)), levels)
    outside = to_uint8(jnp.asarray([-0.3, 1.2, 0.49 / 255, 0.51 / 255, jnp.nan, jnp.inf]))
    assert outside.tolist() == [0, 255, 0, 1, 0, 255]
    # bfloat16 holds 8 significant bits: the product must not be rounded to them before the levels are.
    assert to_uint8(jnp.asarray(0.99609375, jnp.bfloat16)) == 254


def test_pairs_that_cannot_be_compared_are_refused():
    reference, estimate = noisy_pair()
    with pytest.raises(UserError, match="shape"):
        frame_psnr(reference, estimate[:, :-1])
    with pytest.raises(UserError, match="to_uint8"):
        frame_psnr(reference, estimate / 255.0)
    with pytest.raises(UserError, match="2 frames"):
        difference_psnr(reference[:, :1], estimate[:, :1])
    with pytest.raises(UserError, match="too wide"):
        jax.eval_shape(frame_psnr, *[jax.ShapeDtypeStruct((1, 1, 2, 30_000, 3), jnp.uint8)] * 2)
