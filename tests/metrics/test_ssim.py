"""SSIM against scikit-image's defaults."""

import jax
import numpy as np
import pytest
from skimage import data
from skimage.metrics import structural_similarity

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.ssim import frame_ssim


def crops(count, height, width, channels=3):
    """Neighbouring crops of a photograph that comes inside the scikit-image wheel, as a (1, T, H, W, C) video."""
    photograph = data.astronaut()[..., :channels]
    return np.stack([photograph[20 * i : 20 * i + height, 30 * i : 30 * i + width] for i in range(count)])[None]


def assert_equals_scikit_image(reference, estimate):
    ours = np.asarray(jax.jit(frame_ssim)(reference, estimate))
    for b, t in np.ndindex(ours.shape):
        theirs = structural_similarity(reference[b, t], estimate[b, t], channel_axis=-1, data_range=255)
        assert ours[b, t] == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("sigma", [1.0, 12.0, 60.0])
@pytest.mark.parametrize("size", [(64, 64), (7, 19), (33, 8)])
def test_ssim_equals_scikit_image_on_noisy_photographs(sigma, size):
    reference = crops(3, *size)
    noise = sigma * np.random.default_rng(0).standard_normal(reference.shape)
    assert_equals_scikit_image(reference, np.clip(reference + noise, 0, 255).astype(np.uint8))


def test_ssim_equals_scikit_image_on_flat_bright_frames():
    """Where sum(x^2) - sum(x)^2 / n loses every digit in float32."""
    reference = np.full((1, 2, 16, 16, 3), 254, np.uint8)
    estimate = reference.copy()
    estimate[:, :, ::3, ::2] += 1
    assert_equals_scikit_image(reference, estimate)


def test_identical_frames_score_one():
    reference = crops(1, 16, 16)
    assert frame_ssim(reference, reference)[0, 0] == pytest.approx(1.0, abs=1e-6)


def test_one_channel_works():
    reference = crops(2, 12, 12, channels=1)
    assert_equals_scikit_image(reference, 255 - reference)


def test_sides_under_seven_are_an_error():
    reference = crops(1, 6, 20)
    with pytest.raises(UserError, match="7 x 7"):
        frame_ssim(reference, reference)
