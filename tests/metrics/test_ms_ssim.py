"""MS-SSIM is Wang's, as other libraries compute it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import convolve2d

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.ms_ssim import WEIGHTS, frame_ms_ssim, similarity

# pytorch_msssim 1.0.0: ms_ssim(a, b, data_range=255, size_average=False) of `formula_pair()`.
OTHER_LIBRARY = [0.9600878, 0.9601380]


def formula_pair(height=176, width=208):
    """Two videos [1, 2, H, W, 3] uint8 by integer arithmetic."""
    t, y, x, c = np.ogrid[:2, :height, :width, :3]
    clean = (x * 3 + y * 2 + 40 * c + 60 * ((x // 16 + y // 16 + t) % 2)) % 256
    error = ((x * 7919 + y * 104729 + c * 31 + t * 17) % 61) - 30
    return clean.astype(np.uint8)[None], np.clip(clean + error, 0, 255).astype(np.uint8)[None]


def window():
    g = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    return np.outer(g, g) / g.sum() ** 2


def slowly(x, y):
    """MS-SSIM of one channel from its definition, in float64."""
    product, w = 1.0, window()
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            x, y = (convolve2d(a, np.full((2, 2), 0.25), mode="valid")[::2, ::2] for a in (x, y))  # an odd line is left
        mx, my, xx, yy, xy = (convolve2d(a, w, mode="valid") for a in (x, y, x * x, y * y, x * y))
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        structure = (2 * (xy - mx * my) + c2) / (xx - mx**2 + yy - my**2 + c2)
        luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        product *= np.mean(structure if scale < 4 else structure * luminance) ** weight
    return product


@pytest.mark.parametrize("sides", [(176, 208), (177, 191)])
def test_it_is_the_definition_computed_slowly(sides):
    a, b = formula_pair(*sides)
    for frame in range(2):
        pairs = [(a[0, frame, ..., c].astype(float), b[0, frame, ..., c].astype(float)) for c in range(3)]
        expected = np.mean([slowly(x, y) for x, y in pairs])
        assert float(frame_ms_ssim(a, b)[0, frame]) == pytest.approx(expected, abs=2e-6)


def test_another_library_gives_the_same_number():
    np.testing.assert_allclose(frame_ms_ssim(*formula_pair())[0], OTHER_LIBRARY, atol=5e-6)


def test_identical_frames_give_one():
    a, _ = formula_pair()
    np.testing.assert_allclose(frame_ms_ssim(a, a), 1.0, atol=1e-6)


@pytest.mark.parametrize("sides", [(160, 208), (161, 208), (208, 175)])
def test_frames_too_small_for_five_scales_are_refused(sides):
    """In Wang's `msssim.m` too: `min_img_width = min(M, N) / 2^(level - 1)` must hold the window of 11."""
    a, b = formula_pair(*sides)
    with pytest.raises(UserError, match="176"):
        frame_ms_ssim(a, b)


def test_pixels_that_are_not_rounded_have_the_same_and_a_gradient_that_raises_it():
    a, b = (jnp.asarray(x[:, :1], jnp.float32) / 255 for x in formula_pair())
    np.testing.assert_allclose(similarity(a, b)[0], OTHER_LIBRARY[:1], atol=1e-5)
    climb = jax.jit(jax.value_and_grad(lambda x, other: jnp.sum(similarity(other, x))))
    total, slope = climb(b, a)
    assert np.isfinite(slope).all()
    assert climb(b + 1e-2 * slope / jnp.max(jnp.abs(slope)), a)[0] > total
    assert np.isfinite(climb(1 - a, a)[1]).all()  # contrast that goes the other way
