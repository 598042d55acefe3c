import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from vqvae_jax.video.resize import resizer

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("width", [20, 21, 22, 64, 100])  # made much smaller, by matrix products; less; wider
def test_the_default_is_pillows_bicubic(width):
    np.testing.assert_array_equal(resizer(12, width)(RGB), Image.fromarray(RGB).resize((width, 12), Image.BICUBIC))


def test_scipy_is_an_order_3_zoom_of_every_channel_that_saturates():
    want = np.stack([ndimage.zoom(RGB[..., c].astype(float), (12 / 48, 20 / 64), order=3) for c in range(3)], -1)
    assert want.min() < 0 and want.max() > 255
    got = resizer(12, 20, "scipy")(RGB)
    assert got.dtype == np.uint8
    np.testing.assert_allclose(got, np.clip(want, 0, 255), atol=0.51)


def test_antialiasing_tells_them_apart():
    fine = np.zeros((64, 64, 3), np.uint8)
    fine[:, ::2] = 255  # stripes beyond what 16 pixels can show
    assert resizer(16, 16, "pillow")(fine).std() < 5 < resizer(16, 16, "scipy")(fine).std()


@pytest.mark.parametrize("method", ["pillow", "scipy"])
def test_a_picture_of_the_right_size_is_kept(method):
    np.testing.assert_array_equal(resizer(48, 64, method)(RGB), RGB)
