"""Matrix products against Pillow: the same bytes, whatever the sizes, the pictures and their order in memory."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from vqvae_jax.video.bicubic import Bicubic, kernel

SIZES = [
    ((240, 320), (64, 64)),
    ((240, 320), (128, 128)),
    ((241, 323), (17, 33)),
    ((64, 1500), (64, 32)),  # columns as they are
    ((30, 400), (64, 100)),  # and more of them
    ((700, 900), (1, 1)),  # a kernel of the whole picture
    ((1, 97), (5, 7)),
    ((1080, 1920), (64, 64)),  # in strips, the last of which overlap
    ((3000, 40), (8, 40)),
]
RANDOM = np.random.default_rng(0)


def noise(height, width):
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def edges(height, width):
    """Overshoots on both sides."""
    return (RANDOM.integers(0, 2, (height, width, 3)) * 255).astype(np.uint8)


def ties(height, width):
    """Neighbouring levels half and half: sums that lie halfway but for the last bits of the weights."""
    y, x, c = np.ogrid[:height, :width, :3]
    return (100 + (x + y + c) % 2 + 0 * c).astype(np.uint8)


def by_pillow(image_HWC, size):
    return np.asarray(Image.fromarray(np.ascontiguousarray(image_HWC)).resize(size[::-1], Image.Resampling.BICUBIC))


@pytest.mark.parametrize("picture", [noise, edges, ties])
@pytest.mark.parametrize(("source", "size"), SIZES)
def test_every_byte_is_pillows(source, size, picture):
    image = picture(*source)
    np.testing.assert_array_equal(Bicubic(*size)(image), by_pillow(image, size))


def test_every_size_from_one_to_many_gives_pillows_bytes():
    for length in range(1, 200):
        image, size = noise(3, length), (3, max(1, length // 4))
        np.testing.assert_array_equal(Bicubic(*size)(image), by_pillow(image, size), err_msg=str(length))


def test_pictures_of_any_size_and_order_in_memory_one_after_another():
    scale, image = Bicubic(16, 16), noise(96, 128)
    planar = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    for view in (image, planar, image[::-1], image.transpose(1, 0, 2)[:, ::-1], image[:50], image):
        np.testing.assert_array_equal(scale(view), by_pillow(view, (16, 16)))


def test_pictures_given_before_stay_as_they_are():
    scale, first, second = Bicubic(16, 16), noise(96, 128), noise(96, 128)
    given = scale(first)
    kept = given.copy()
    scale(second)
    np.testing.assert_array_equal(given, kept)


@pytest.mark.parametrize(("length", "count"), [(320, 64), (240, 64), (1920, 64), (5000, 3)])
def test_no_32_bit_sum_is_off_by_more_than_is_taken_for_unsure(length, count):
    by = kernel(length, count)
    full = np.zeros((count, length))
    np.put_along_axis(full, by.samples, by.weights, 1)
    # The largest sums of magnitudes that there are: 255 wherever an output's weights are positive, or negative.
    rows = np.concatenate([255 * (full > 0), 255 * (full < 0), RANDOM.integers(0, 256, (50, length))])
    for outputs, needed, weights in by.products:
        exact = rows @ full[outputs].T
        assert np.abs(rows[:, needed].astype(np.float32) @ weights - exact).max() < by.error / 2


def keys_cubic(x):
    if x < 1:
        return (Fraction(3, 2) * x - Fraction(5, 2)) * x * x + 1
    return ((5 - x) * x - 8) * x / 2 + 2 if x < 2 else Fraction(0)


def test_weights_are_those_of_the_formula_in_22_bits():
    """Keys' cubic, a = -1/2, widened by the reduction and normalised, in exact fractions."""
    length, count = 23, 5
    by, scale = kernel(length, count), Fraction(length, count)
    for output, (samples, weights) in enumerate(zip(by.samples, by.weights, strict=True)):
        centre = (output + Fraction(1, 2)) * scale
        cubic = [keys_cubic(abs(int(sample) + Fraction(1, 2) - centre) / scale) for sample in samples]
        wanted = [float(value / sum(cubic)) for value in cubic]
        np.testing.assert_allclose(weights, wanted, rtol=0, atol=0.51 * 2.0**-22)
        np.testing.assert_array_equal(weights * 2**22, np.round(weights * 2**22))
