"""What a bit is worth follows the error until the wished-for rate is met."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.mvc.tiny_mvc import TINY, scene, tiny_params
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.coded import stepped_bits
from vqvae_jax.mvc.context import scene_context
from vqvae_jax.mvc.encodings import time_codes
from vqvae_jax.mvc.experiment import Experiment, FitConfig
from vqvae_jax.mvc.objective import Constants, training_loss
from vqvae_jax.mvc.quantise import learned_from
from vqvae_jax.mvc.rate import INTEGRAL, MOST_ERROR, PROPORTIONAL, error, steered, weight
from vqvae_jax.mvc.schedule import Phase


def test_the_weight_is_that_of_the_state_at_the_wished_rate_and_a_power_of_the_error_beside_it():
    log_rate = jnp.log(0.3)
    assert weight(log_rate, jnp.asarray(0.5), 0.5) == pytest.approx(0.3)
    assert weight(log_rate, jnp.asarray(0.55), 0.5) == pytest.approx(0.3 * 1.1**PROPORTIONAL, rel=1e-5)
    assert weight(log_rate, jnp.asarray(0.4), 0.5) == pytest.approx(0.3 * 0.8**PROPORTIONAL, rel=1e-5)
    assert error(jnp.asarray(50.0), 0.5) == MOST_ERROR == -error(jnp.asarray(0.001), 0.5)
    assert jax.grad(lambda bpp: weight(log_rate, bpp, 0.5))(0.55) == 0.0


def test_an_error_that_stays_is_summed_up_over_the_part():
    log_rate = jnp.zeros(())
    for _ in range(50):
        log_rate = steered(log_rate, jnp.asarray(0.55), 0.5, 50)
    assert log_rate == pytest.approx(INTEGRAL * np.log(1.1), rel=1e-4)


@pytest.mark.parametrize("start", [0.01, 1.0, 100.0])
def test_a_rate_that_answers_slowly_comes_to_the_wished_one_whatever_the_weight_begins_with(start):
    # Bits fall with the fifth root of what they cost, and take a thirtieth of the part to do so.
    steps, wished, bpp = 600, 0.5, 0.7
    log_rate = jnp.log(start)
    move, worth = (jax.jit(f, static_argnums=(2, 3)) for f in (steered, lambda r, b, w, _: weight(r, b, w)))
    for _ in range(steps):
        aim = 0.5 * (float(worth(log_rate, bpp, wished, steps)) / 0.4) ** -0.2
        bpp += (aim - bpp) * 30 / steps
        log_rate = move(log_rate, bpp, wished, steps)
    assert bpp == pytest.approx(wished, rel=0.02)


def test_the_objective_counts_bits_of_weights_by_the_weight_of_all_bits():
    wished, log_rate = 4.0, jnp.log(0.3)
    experiment = Experiment(model=TINY, fit=FitConfig(rate=0.1, bpp=wished))
    params = tiny_params()
    params = params._replace(learned=learned_from(list(params.decoder.values()), 7, "laplace"))
    frames = scene()
    constants = Constants(jnp.asarray(time_codes(TINY)), jnp.asarray(scene_context(TINY, frames)))
    batch, key = (jnp.asarray(frames[2:3, None]), jnp.array([2])), jax.random.key(3)
    phase = Phase("rate", 0, True, True)

    def gradients(log_rate):
        loss = training_loss(experiment, phase, constants, None, None, key, log_rate)
        (_, aux), found = jax.value_and_grad(loss, has_aux=True)(params, batch)
        return found, aux.means

    (steered_, means), (fixed, _) = jax.jit(gradients)(log_rate), jax.jit(gradients)(None)
    pixels = np.prod(TINY.clip)
    own = jax.jit(jax.grad(lambda params: stepped_bits(TINY, experiment.fit, params, key) / pixels))(params)
    expected = 0.3 * np.exp(np.clip(np.log(means["bpp"] / wished), -MOST_ERROR, MOST_ERROR)) ** PROPORTIONAL
    assert means["rate"] == pytest.approx(expected, rel=1e-4) and means["bpp"] > means["weights_bpp"]
    difference = np.asarray(steered_.learned.log_step) - np.asarray(fixed.learned.log_step)
    wanted = (float(means["rate"]) - 0.1) * np.asarray(own.learned.log_step)
    np.testing.assert_allclose(difference, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_a_rate_to_meet_needs_a_weight_to_begin_with():
    with pytest.raises(UserError, match=r"fit\.bpp"):
        FitConfig(bpp=0.5)
