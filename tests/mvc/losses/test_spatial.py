"""SSIM against scikit-image, the loss against its formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from vqvae_jax.mvc.losses.spatial import similarity, spatial_loss


def pictures(shape, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, shape).astype(np.float32)
    return x, np.clip(x + rng.normal(0, 0.1, shape), 0, 1).astype(np.float32)


@pytest.mark.parametrize("size", [(24, 31), (11, 40)])
def test_similarity_is_scikit_images(size):
    x, y = pictures((2, *size, 3))
    found = similarity(jnp.asarray(x), jnp.asarray(y))
    for index in range(2):
        _, whole = structural_similarity(
            x[index].astype(np.float64), y[index].astype(np.float64), data_range=1.0, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, channel_axis=-1, full=True,
        )  # fmt: skip
        np.testing.assert_allclose(found[index], whole[5:-5, 5:-5].mean(), atol=2e-5)


def test_small_frames_have_the_largest_odd_window():
    x, y = pictures((1, 8, 20, 1))
    a, b = x[0, ..., 0].astype(np.float64), y[0, ..., 0].astype(np.float64)

    def mean(z):
        return gaussian_filter(z, 1.5, radius=3)[3:-3, 3:-3]

    ma, mb = mean(a), mean(b)
    structure = (2 * (mean(a * b) - ma * mb) + 9e-4) / (mean(a * a) + mean(b * b) - ma**2 - mb**2 + 9e-4)
    expected = ((2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4) * structure).mean()
    np.testing.assert_allclose(similarity(jnp.asarray(x), jnp.asarray(y))[0], expected, atol=2e-5)


def test_the_loss_is_its_formula_and_zero_of_equal_frames():
    x, y = (jnp.asarray(p) for p in pictures((2, 16, 16, 3)))
    expected = 0.7 * np.abs(np.asarray(y) - np.asarray(x)).mean((1, 2, 3)) + 0.3 * (1 - similarity(x, y))
    np.testing.assert_allclose(spatial_loss(x, y), expected, rtol=1e-6)
    np.testing.assert_allclose(similarity(x, x), 1.0, atol=1e-6)
    np.testing.assert_allclose(spatial_loss(x, x), 0.0, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    x, y = (jnp.asarray(p) for p in pictures((1, 4, 4, 1)))
    found = jax.grad(lambda z: spatial_loss(x, z)[0])(y)
    step = 1e-2
    for place in np.ndindex(1, 4, 4, 1):
        up, down = (float(spatial_loss(x, y.at[place].add(s))[0]) for s in (step, -step))
        if abs(float(y[place] - x[place])) > step:  # not across the corner of the absolute value
            assert abs(float(found[place]) - (up - down) / (2 * step)) < 2e-3
