"""The prior: what it may see, that its arithmetic is exact, and that its chances are chances."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import logistic

from tests.ntc.narrow import NARROW, narrow_params
from vqvae_jax.errors import UserError
from vqvae_jax.ntc.codec.integer_prior import IntegerPrior, steps_of
from vqvae_jax.ntc.codec.weights import floats, integers
from vqvae_jax.ntc.coding_order import coding_steps
from vqvae_jax.ntc.prior import Belief, Prior, bits
from vqvae_jax.ntc.rounding import layer_unit, rounded, whole

GRID = (4, 5, NARROW.latents)


def latents(seed, count=3):
    return np.random.default_rng(seed).integers(-40, 41, (count, *GRID)).astype(np.float32)


def believed(before, earlier, now, rate):
    rates = jnp.full((1,), rate, jnp.int32)
    arguments = (jnp.asarray(part)[None] for part in (before, earlier, now))
    belief = Prior(NARROW).apply({"params": narrow_params()["prior"]}, *arguments, rates)
    return np.asarray(belief.mean[0]), np.asarray(belief.scale[0])


@pytest.mark.parametrize("rate", [0, 1, 37, 64, 100, NARROW.rates - 1])
def test_in_training_and_in_files_it_is_the_same_integers(rate):
    before, earlier, now = latents(rate)
    means, scales = believed(before, earlier, now, rate)
    prior = IntegerPrior(integers(narrow_params()["prior"]))
    known = prior.from_past(before.astype(int), earlier.astype(int), rate)
    for step, held in enumerate(steps_of(*GRID)):
        mean, scale = prior.believe(known, step)
        np.testing.assert_array_equal(mean[held], means[held])
        np.testing.assert_array_equal(scale[held], scales[held])
        known = known + prior.from_now(np.where(held, now, 0).astype(int))
    assert len(np.unique(scales)) > 3 and len(np.unique(means)) > 10


def test_a_latent_is_believed_by_what_is_coded_before_it_alone():
    before, earlier, now = latents(1)
    steps = coding_steps(*GRID)
    for step in range(4):
        other = np.where(steps >= step, -now, now)
        for a, b in zip(believed(before, earlier, now, 5), believed(before, earlier, other, 5), strict=True):
            np.testing.assert_array_equal(a[steps <= step], b[steps <= step])
    seen = believed(before, earlier, np.where(steps == 0, 0, now), 5)[0]
    assert np.any(seen[steps == 3] != believed(before, earlier, now * 0, 5)[0][steps == 3])


@pytest.mark.parametrize("units", [0, 1, 2])
def test_it_sees_as_many_units_as_the_configuration_says_in_files_too(units):
    config = dataclasses.replace(NARROW, prior_units=units)
    rate, given = jnp.full((1,), 9, jnp.int32), latents(3)
    params = Prior(config).init(jax.random.key(1), *given[:, None], rate)

    def means(before, earlier, now):
        return np.asarray(Prior(config).apply(params, before[None], earlier[None], now[None], rate).mean[0])

    before, earlier, now = given
    looks = [np.any(means(*other) != means(*given)) for other in ((-before, earlier, now), (before, -earlier, now))]
    assert looks == [units > 0, units > 1]
    prior = IntegerPrior(integers(params["params"]))
    found = prior.believe(prior.from_past(before.astype(int), earlier.astype(int), 9), 0)[0]
    held = steps_of(*GRID)[0]
    np.testing.assert_array_equal(found[held], means(*given)[held])


def test_every_step_holds_a_quarter_everywhere():
    steps = coding_steps(6, 8, 16)
    assert steps.shape == (6, 8, 16)
    for step in range(4):
        assert np.all((steps == step).sum(axis=2) == 4)
    # In a square of two by two every group is coded in four different steps.
    assert np.all(np.sort(steps[:2, :2].reshape(4, 16), axis=0) == np.arange(4)[:, None])


def test_integers_come_back():
    arrays = integers(narrow_params()["prior"])
    again = integers(floats(arrays))
    for name, array in arrays._asdict().items():
        np.testing.assert_array_equal(getattr(again, name), array, err_msg=name)


@pytest.mark.parametrize("scale", [2.0**-15, 2.0**-13, 1.0, 2.0**7])
def test_weights_count_exact_powers_of_two_whatever_their_size(scale):
    """A largest weight of 127 units is 127 of them: nothing is halved where a logarithm is inexact."""
    kernel = jnp.asarray([127.0, -3.0, 0.4, 64.0]) * scale
    unit = layer_unit(kernel)
    assert float(unit) == scale
    np.testing.assert_array_equal(whole(kernel, unit), [127, -3, 0, 64])
    assert float(layer_unit(kernel * 1.01)) == 2 * scale


def test_bits_are_those_of_a_logistic_distribution_over_a_step():
    values = np.arange(-30.0, 31.0)
    mean, scale = 21, 37  # 21 / 16, 2**(37 / 8 - 4)
    found = np.asarray(bits(Belief(jnp.float32(mean), jnp.float32(scale)), jnp.asarray(values)))
    known = logistic(loc=mean / 16, scale=2 ** (scale / 8 - 4))
    np.testing.assert_allclose(found, -np.log2(known.cdf(values + 0.5) - known.cdf(values - 0.5)), rtol=2e-5)
    sharp = np.asarray(bits(Belief(jnp.float32(0), jnp.float32(0)), jnp.asarray([0.0, 20.0])))
    assert 0 <= sharp[0] < 0.01 and np.isfinite(sharp[1]) and sharp[1] > 300


def test_rounding_lets_gradients_through():
    value, slope = jax.value_and_grad(lambda x: 3 * rounded(x))(jnp.float32(1.5))
    assert (value, slope) == (6, 3)


def test_large_grids_are_convolved_in_bands(monkeypatch):
    prior = IntegerPrior(integers(narrow_params()["prior"]))
    before, earlier = (part.astype(int) for part in latents(4, 2))
    whole = prior.from_past(before, earlier, 9)
    monkeypatch.setattr("vqvae_jax.ntc.codec.integer_prior.AT_ONCE", 7)
    np.testing.assert_array_equal(prior.from_past(before, earlier, 9), whole)


def test_a_prior_that_could_miscount_is_refused():
    arrays = integers(narrow_params()["prior"])
    with pytest.raises(UserError, match=r"tensor prior/middle may give sums of"):
        IntegerPrior(arrays._replace(middle_bias=np.full_like(arrays.middle_bias, 2**23)))
    with pytest.raises(UserError, match=r"tensor prior/out is int8"):
        IntegerPrior(arrays._replace(out=arrays.out[:, :-1]))
    for name, array in arrays._asdict().items():
        for wrong in (array.reshape(-1)[:2], array.reshape(-1)[0], array.astype(np.float32)):
            with pytest.raises(UserError, match=r"tensor prior/"):
                IntegerPrior(arrays._replace(**{name: np.asarray(wrong)}))
