"""Refinement on integers: what a move is said to change, what is left out, and that nothing gets worse."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from tests.ntc.narrow import NARROW, clips, narrow_model
from vqvae_jax.entropy.logistic_tables import logistic_tables
from vqvae_jax.ntc.codec import refine
from vqvae_jax.ntc.codec.latents import Walk, Writer
from vqvae_jax.ntc.coding import beliefs, latent_bits, synthesise
from vqvae_jax.precision import normalise

RATE, SKIP = 100, 20000
CLIP = clips(shape=(8, 16, 24), seed=3)[0]


@cache
def problem():
    return refine.Problem(
        narrow_model().params,
        2.0 * normalise(jnp.asarray(CLIP[None])) - 1.0,
        jnp.full((1,), RATE, jnp.int32),
        jnp.float32(NARROW.lagrangian(RATE) * 127.5**2 / 3),
        jnp.asarray(logistic_tables().zero),
        jnp.int32(SKIP),
    )


@jax.jit
def frames(q):
    return synthesise(NARROW, problem().params, q, problem().rate)


@jax.jit
def cost(q):
    """Bits of all latents, and lambda times the squared error."""
    given = problem()
    squared = jnp.sum(jnp.square(frames(q) - given.clip))
    return jnp.sum(latent_bits(NARROW, given.params, q, q, given.rate)) + given.weight * squared


def test_second_derivatives_are_those_of_the_gauss_newton_matrix():
    given = problem()
    q = refine._begin(NARROW, given)
    found = refine.second_derivatives(NARROW, given, q)
    probed = np.random.default_rng(0).choice(q.size, 60, replace=False)

    def exact(index):
        there, here = (frames(q + d * jax.nn.one_hot(index, q.size).reshape(q.shape)) for d in (1e-2, 0.0))
        return 2.0 * float(given.weight) * np.sum((1e2 * (np.asarray(there) - np.asarray(here))) ** 2)

    expected = np.array([exact(index) for index in probed])
    ratio = np.asarray(found).ravel()[probed] / expected
    # Sixteen probes: a relative deviation of a third.
    assert abs(np.mean(ratio) - 1) < 0.2 and np.all((ratio > 0.2) & (ratio < 4))


def test_what_is_left_out_is_what_a_file_leaves_out():
    y = np.random.default_rng(1).normal(0, 0.7, (2, 2, 3, NARROW.latents))
    writer = Writer(Walk(narrow_model().prior, RATE, SKIP, (2, 3)))
    q = np.stack([writer.unit(unit) for unit in y])
    skipped = refine._skipped(
        problem(), beliefs(NARROW, problem().params, jnp.asarray(q[None], jnp.float32), problem().rate)
    )
    assert np.size(q) - int(skipped.sum()) == writer.symbols < np.size(q)
    assert not q[np.asarray(skipped[0])].any()


def test_steps_lower_the_cost_and_more_of_them_do_not_raise_it():
    begun = refine._begin(NARROW, problem())
    found = [float(cost(begun))]
    for steps in (1, 10, 40):
        q = refine.refined_latents(NARROW, narrow_model().params, 65536, CLIP, RATE, steps)
        assert q.shape == begun.shape[1:] and np.array_equal(q, np.round(q))
        found.append(float(cost(jnp.asarray(q[None]))))
    assert found[1] <= found[0] * 1.0001
    assert found[2] < found[0] and found[3] < 0.99 * found[0], found
    again = refine.refined_latents(NARROW, narrow_model().params, 65536, CLIP, RATE, 40)
    np.testing.assert_array_equal(again, q)
