"""The state before step 0: first codes top then bottom, once; the same on any number of devices."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from narrow_models import narrow, narrow_experiment, random_clips, started

from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.matching import GradientNorms
from vqvae_jax.msvqvae import start as start_module
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.msvqvae.start import empty_codebooks, init_codebooks, new_state
from vqvae_jax.precision import normalise
from vqvae_jax.training.optimizer import make_optimizer
from vqvae_jax.training.task import Start

CLIPS = random_clips(4)


@pytest.fixture(scope="module")
def first_codes():
    model, params, _ = started(narrow("tiny"))
    start = jax.jit(lambda books, clips, key: init_codebooks(model, params, books, normalise(clips), key, 0.0))
    return lambda books, clips=CLIPS, seed=0: start(books, clips, jax.random.key(seed))


def rows_of(z, embeddings):
    """For each code the distance to the nearest of the vectors z."""
    difference = np.asarray(embeddings)[:, None] - np.asarray(z).reshape(-1, z.shape[-1])
    return np.linalg.norm(difference, axis=-1).min(axis=1)


def test_codes_are_encoder_outputs_and_the_bottom_sees_the_quantised_top(first_codes):
    config = narrow("tiny")
    model, params, _ = started(config)
    books = first_codes(empty_codebooks(config))
    forward = jax.jit(lambda x: apply_model(model, params, normalise(x), books))(CLIPS)
    # Exactly the vectors that the first step will look up: with an unquantised or empty top they would differ.
    for name in ("top", "bottom"):
        assert rows_of(forward.levels[name].z, books[name].embeddings).max() < 1e-5
    unquantised = model.bind(params).encode_bottom(
        model.bind(params).encode_features(normalise(CLIPS)),
        model.bind(params).decode_top(jnp.zeros_like(forward.levels["top"].z)),
    )
    assert rows_of(unquantised, books["bottom"].embeddings).max() > 1e-3


def test_initialised_codebooks_stay_as_they_are(first_codes):
    restored = first_codes(empty_codebooks(narrow("tiny")))
    again = first_codes(restored, random_clips(4, seed=9), seed=7)
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(restored), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_missing_level_alone_is_drawn(first_codes):
    full = first_codes(empty_codebooks(narrow("tiny")))
    half = full | {"bottom": empty_codebooks(narrow("tiny"))["bottom"]}
    again = first_codes(half, seed=7)
    np.testing.assert_array_equal(again["top"].embeddings, full["top"].embeddings)
    assert again["bottom"].initialized == 1


def test_a_new_state_is_whole_and_float32_and_shares_no_buffers():
    experiment = narrow_experiment("tiny")
    experiment = replace(experiment, optimizer=replace(experiment.optimizer, weight_ema=0.9))
    optimizer = make_optimizer(experiment.optimizer, 10, 8)
    state = new_state(experiment, optimizer, jax.random.key(3), jnp.asarray(CLIPS), None)
    assert state.step == 0 and state.extras["perceptual_weight"] == 0
    assert {book.initialized.item() for book in state.extras["codebooks"].values()} == {1.0}
    assert {leaf.dtype for leaf in jax.tree.leaves((state.params, state.extras))} == {jnp.dtype("float32")}
    # The average starts at the weights, in buffers of its own: state is donated.
    for mean, weight in zip(jax.tree.leaves(state.ema_params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_array_equal(mean, weight)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(pointers)) == len(pointers)


def test_a_state_from_given_weights_takes_them_and_matches_gamma_on_them(monkeypatch):
    experiment = replace(narrow_experiment("tiny"), loss=LossConfig(gamma=0.5))
    experiment = replace(experiment, optimizer=replace(experiment.optimizer, weight_ema=0.9))
    optimizer = make_optimizer(experiment.optimizer, 10, 8)
    _, params, books = started(experiment.model)
    given = Start(params, {"codebooks": books})

    def norms(config, trunk, x, estimate):
        return GradientNorms(jnp.mean(jnp.square(x - estimate)), jnp.float32(4.0))

    monkeypatch.setattr(start_module, "gradient_norms", norms)
    state = new_state(experiment, optimizer, jax.random.key(0), jnp.asarray(CLIPS), jnp.ones(3), given)
    for taken in (state.params, state.ema_params):
        jax.tree.map(np.testing.assert_array_equal, taken, params)
    jax.tree.map(np.testing.assert_array_equal, state.extras["codebooks"], books)
    assert state.step == 0
    x = normalise(jnp.asarray(CLIPS))
    error = jnp.mean(jnp.square(x - apply_model(MSVQVAE(experiment.model), params, x, books).reconstruction))
    assert state.extras["perceptual_weight"] == pytest.approx(0.5 * float(error) / 4.0, rel=1e-5)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(pointers)) == len(pointers)
