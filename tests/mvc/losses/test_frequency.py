"""FDS against NumPy's whole transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.mvc.losses.frequency import frequency_loss


def pictures(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (jnp.asarray(rng.uniform(0, 1, shape), jnp.float32) for _ in range(2))


@pytest.mark.parametrize("norm", ["backward", "ortho"])
@pytest.mark.parametrize("size", [(6, 8), (5, 7), (4, 2), (3, 1)])
def test_the_loss_is_that_of_the_whole_spectrum(size, norm):
    x, y = pictures((2, *size, 3))
    spectrum = np.fft.fft2(np.asarray(y, np.float64) - np.asarray(x, np.float64), axes=(1, 2), norm=norm)
    expected = np.stack([np.abs(spectrum.real), np.abs(spectrum.imag)]).mean((0, 2, 3, 4))
    np.testing.assert_allclose(frequency_loss(x, y, norm), expected, rtol=1e-4)


def test_equal_frames_cost_nothing_and_a_constant_error_half_of_itself():
    x, _ = pictures((2, 6, 8, 3))
    np.testing.assert_array_equal(frequency_loss(x, x), 0.0)
    np.testing.assert_allclose(frequency_loss(x, x + 0.25), 0.125, rtol=1e-4)


def test_the_gradient_is_that_of_finite_differences():
    x, y = pictures((1, 4, 4, 1))
    found = jax.grad(lambda z: frequency_loss(x, z)[0])(y)
    step = 1e-3
    for place in np.ndindex(1, 4, 4, 1):
        up, down = (float(frequency_loss(x, y.at[place].add(s))[0]) for s in (step, -step))
        assert abs(float(found[place]) - (up - down) / (2 * step)) < 2e-2
