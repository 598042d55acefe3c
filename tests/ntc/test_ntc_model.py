"""The transform: causal, invertible in its shapes, the same unrolled and scanned."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.ntc.narrow import NARROW, clips, narrow_params
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.ntc.blocks import from_depth, join_slices, part_slices, to_depth
from vqvae_jax.ntc.coding import code, latent_bits, synthesise
from vqvae_jax.ntc.config import RATE_STEPS, NtcConfig
from vqvae_jax.ntc.count import cost
from vqvae_jax.ntc.rates import at_rate, spread_rates
from vqvae_jax.precision import normalise

RATE = jnp.asarray([40], jnp.int32)


def coded(x, config=NARROW):
    return code(config, narrow_params(), 2 * normalise(jnp.asarray(x)) - 1, RATE)


def test_shapes_go_there_and_back():
    x = jnp.arange(2 * 4 * 8 * 12 * 3.0).reshape(2, 4, 8, 12, 3)
    deep = to_depth(x, 2, 4)
    assert deep.shape == (2, 2, 2, 3, 2 * 4 * 4 * 3)
    np.testing.assert_array_equal(deep[1, 1, 0, 2].reshape(2, 4, 4, 3), x[1, 2:, :4, 8:])
    np.testing.assert_array_equal(from_depth(deep, 2, 4), x)
    np.testing.assert_array_equal(part_slices(join_slices(x), 4), x)


def test_a_unit_depends_on_the_past_alone():
    x = clips()
    other = x.copy()
    other[:, 4:] = 255 - other[:, 4:]
    a, b = coded(x), coded(other)
    np.testing.assert_array_equal(a.q[:, 0], b.q[:, 0])
    np.testing.assert_array_equal(a.frames[:, :4], b.frames[:, :4])
    assert np.any(a.q[:, 1] != b.q[:, 1])
    # And the second unit leans on the first.
    first = x.copy()
    first[:, :4] = 255 - first[:, :4]
    assert np.any(coded(first).frames[:, 4:] != a.frames[:, 4:])


def test_a_decoder_has_the_encoders_frames():
    found = coded(clips())
    assert np.abs(found.q).max() > 2
    again = synthesise(NARROW, narrow_params(), found.q, RATE)
    np.testing.assert_allclose(again, found.frames, atol=1e-5)


def test_written_out_and_scanned_are_the_same_function():
    loss = {}
    for kind in ("unroll", "scan"):
        config = replace(NARROW, recurrence=kind)

        def objective(params, config=config):
            found = code(config, params, 2 * normalise(jnp.asarray(clips())) - 1, RATE)
            return jnp.mean(found.frames**2) + 1e-4 * jnp.sum(latent_bits(config, params, found.q, found.y, RATE))

        loss[kind] = jax.value_and_grad(objective)(narrow_params())
    assert loss["unroll"][0] == pytest.approx(float(loss["scan"][0]), rel=1e-6)
    for a, b in zip(*(jax.tree.leaves(loss[kind][1]) for kind in loss), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-5 * max(1.0, float(jnp.abs(a).max())))


def test_other_sizes_than_the_trained_one():
    assert coded(clips(shape=(4, 24, 8))).frames.shape == (1, 4, 24, 8, 3)
    with pytest.raises(UserError, match="height=20 must be a multiple of 8"):
        NARROW.check_size((8, 20, 24), "here")


def test_rates_lie_between_lambdas():
    table = jnp.asarray([[0.0, 1.0], [4.0, 1.0], [4.0, 3.0]])
    found = at_rate(table, jnp.asarray([0, RATE_STEPS // 4, RATE_STEPS, 2 * RATE_STEPS]))
    np.testing.assert_allclose(found, [[0, 1], [1, 1], [4, 1], [4, 3]])
    assert NARROW.lagrangian(RATE_STEPS) == pytest.approx(1.6e-3)
    assert NARROW.lagrangian(RATE_STEPS / 2) == pytest.approx(8e-4)
    assert NARROW.lagrangian(NARROW.rates - 1) == pytest.approx(6.4e-3)
    drawn = np.asarray(spread_rates(jax.random.key(0), 4, 321))
    assert np.all(np.diff(drawn) > 0) and np.all(drawn // 80.26 == np.arange(4))


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match=r"model.latents=6 is not allowed; expected a multiple of 4"):
        NtcConfig(latents=6)
    with pytest.raises(ConfigError, match=r"model.lambdas"):
        NtcConfig(lambdas=(1e-3,))


def test_costs_are_counted_in_scans_as_written_out():
    one, two = (cost(NARROW, (frames, 16, 24)) for frames in (4, 8))
    assert two.decoder_macs == 2 * one.decoder_macs and one.parameters == two.parameters
    assert two.encoder_macs > two.decoder_macs
    # A coarse block of the decoder, by hand: 3x3 and 1x1 on 2 x 3 positions.
    assert cost(replace(NARROW, coarse_blocks=2), (4, 16, 24)).decoder_macs - one.decoder_macs == 6 * 24 * 24 * 10
