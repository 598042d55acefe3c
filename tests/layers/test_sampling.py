"""Reading between pixels, against SciPy's interpolation, differences and torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from vqvae_jax.layers.sampling import sample, warp


def test_a_warp_is_bilinear_interpolation():
    rng = np.random.default_rng(0)
    pictures, flow = rng.normal(size=(2, 12, 16, 3)), rng.uniform(-5, 5, (2, 12, 16, 2))
    found = np.asarray(warp(jnp.asarray(pictures, jnp.float32), jnp.asarray(flow, jnp.float32)))
    y, x = np.mgrid[:12, :16].astype(float)
    for picture, (down, right), warped in zip(pictures, np.moveaxis(flow, -1, 1), found, strict=True):
        at = np.clip(y + down, 0, 11), np.clip(x + right, 0, 15)
        for channel in range(3):
            expected = map_coordinates(picture[..., channel], at, order=1, mode="nearest")
            np.testing.assert_allclose(warped[..., channel], expected, atol=1e-5)


def example(seed=1, count=40):
    """Two pictures of two groups of three channels, and places of which a third lie outside."""
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(2, 6, 8, 2, 3))
    places = [rng.uniform(-2, size + 1, (2, count, 2)) for size in (6, 8)]
    return grid, *places, rng.normal(size=(2, count, 2))


def by_scipy(grid, y, x, weight):
    """float64, what `sample` is."""
    found = np.empty((*y.shape, grid.shape[-1]))
    for b, g, d in np.ndindex(grid.shape[0], grid.shape[3], grid.shape[4]):
        at = y[b, :, g], x[b, :, g]
        found[b, :, g, d] = map_coordinates(grid[b, :, :, g, d], at, order=1, mode="grid-constant")
    return weight[..., None] * found


def test_samples_are_bilinear_with_zeros_outside():
    arguments = example()
    found = sample(*(jnp.asarray(part, jnp.float32) for part in arguments))
    np.testing.assert_allclose(found, by_scipy(*arguments), atol=1e-5)


def test_places_far_away_or_without_a_number_read_nothing():
    grid = jnp.ones((1, 4, 4, 1, 1))
    places = jnp.asarray([1e30, -1e30, jnp.inf, jnp.nan, 4.0, -1.0])[None, :, None]
    for y, x in ((places, jnp.ones_like(places)), (jnp.ones_like(places), places)):
        np.testing.assert_array_equal(sample(grid, y, x, jnp.ones_like(places)), np.zeros((1, 6, 1, 1)))


def test_gradients_of_samples_are_those_of_differences():
    arguments = example(2, 12)
    upstream = np.random.default_rng(3).normal(size=(2, 12, 2, 3))
    found = jax.grad(lambda *a: jnp.sum(sample(*a) * upstream), argnums=(0, 1, 2, 3))(
        *(jnp.asarray(part, jnp.float32) for part in arguments)
    )
    for number, gradient in enumerate(found):
        for place in np.ndindex(arguments[number].shape):
            if number == 0 and place[3:] != (1, 2):  # of the grid's channels one will do
                continue
            sides = []
            for step in (-1e-6, 1e-6):
                moved = [part.copy() for part in arguments]
                moved[number][place] += step
                sides.append(np.sum(by_scipy(*moved) * upstream))
            assert gradient[place] == pytest.approx((sides[1] - sides[0]) / 2e-6, abs=1e-4)


def test_samples_and_gradients_equal_torchs_grid_sample():
    torch = pytest.importorskip("torch", reason="torch is the reference")
    grid, y, x, _ = (part[:, ..., :1, :] if part.ndim == 5 else part[..., :1] for part in example())
    upstream = np.random.default_rng(4).normal(size=(2, 40, 1, 3)).astype(np.float32)
    float32 = [jnp.asarray(part, jnp.float32) for part in (grid, y, x)]
    ours, pull = jax.vjp(lambda g, y, x: sample(g, y, x, jnp.ones_like(y)), *float32)

    theirs = [torch.tensor(part.astype(np.float32), requires_grad=True) for part in (grid, y, x)]
    place = torch.stack([(theirs[2][..., 0] + 0.5) / 8 * 2 - 1, (theirs[1][..., 0] + 0.5) / 6 * 2 - 1], dim=-1)
    read = torch.nn.functional.grid_sample(
        theirs[0][:, :, :, 0].permute(0, 3, 1, 2), place[:, None], padding_mode="zeros", align_corners=False
    )
    read.backward(torch.tensor(upstream[:, :, 0].transpose(0, 2, 1)[:, :, None]))
    np.testing.assert_allclose(ours[:, :, 0], read[:, :, 0].permute(0, 2, 1).detach().numpy(), atol=1e-5)
    for gradient, tensor in zip(pull(jnp.asarray(upstream)), theirs, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-4, atol=2e-5)
