"""Two videos compared frame by frame, in blocks, as scikit-image would compare them at once."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tests.codec.example_bundle import moving
from vqvae_jax.codec.comparison import BLOCK, compare
from vqvae_jax.errors import UserError


@pytest.mark.parametrize("frames", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_means_over_frames_are_those_of_scikit_image(frames):
    a = moving(frames, 20, 24)
    b = np.clip(a.astype(int) + np.random.default_rng(0).integers(-20, 21, a.shape), 0, 255).astype(np.uint8)
    b[0] = a[0]
    found = compare(iter(a), iter(b))
    psnr = [100.0] + [peak_signal_noise_ratio(x, y, data_range=255) for x, y in zip(a[1:], b[1:], strict=True)]
    assert found.psnr_by_frame == pytest.approx(psnr, abs=1e-3)
    assert found.psnr == pytest.approx(np.mean(psnr), abs=1e-3)
    assert found[:3] == (frames, 24, 20) and found.lossless_frames == 1
    ssim = [structural_similarity(x, y, channel_axis=-1, data_range=255) for x, y in zip(a, b, strict=True)]
    assert found.ssim == pytest.approx(np.mean(ssim), abs=1e-4)


def test_pictures_under_seven_pixels_have_no_ssim():
    assert compare(moving(3, 6, 40), moving(3, 6, 40)).ssim is None
    assert compare(moving(3, 7, 7), moving(3, 7, 7)).ssim == pytest.approx(1)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (moving(17), moving(18), "the first video ends after 17 frames"),
        (moving(18), moving(16), "the second video ends after 16 frames"),
        (moving(3), moving(3, 24, 31), "frame 0 is 32x24 in the first video and 31x24 in the second"),
        ([], [], "no frame to compare"),
    ],
    ids=range(4),
)
def test_videos_of_other_length_or_size_are_refused(a, b, message):
    with pytest.raises(UserError, match=message):
        compare(a, b)
