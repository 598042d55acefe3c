"""The train step on one device: codebooks by EMA, determinism, types, metrics."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from narrow_models import narrow_experiment, random_clips, started

from vqvae_jax.msvqvae.model import apply_model
from vqvae_jax.msvqvae.train import MSVQVAETask, level_dropout, move_codebook
from vqvae_jax.precision import normalise
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.quantization.moves import Statistics
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.optimizer import make_optimizer
from vqvae_jax.training.state import TrainState

DEVICES = DeviceMap("shard_map", jax.devices()[:1])
CLIPS = random_clips(4)


def experiment_of(dtype):
    experiment = narrow_experiment("tiny", dtype=dtype)
    return replace(experiment, optimizer=replace(experiment.optimizer, learning_rate=1e-3, weight_ema=0.5))


@cache
def stepper(dtype):
    """(step, state before) of a narrow model whose last top code is dead."""
    experiment = experiment_of(dtype)
    optimizer = make_optimizer(experiment.optimizer, 100, 8)
    _, params, books = started(experiment.model)
    dead = books["top"].counts.at[-1].set(0.001)
    top = books["top"]._replace(counts=dead, embeddings=books["top"].embeddings.at[-1].set(1e3))
    top = top._replace(sums=top.embeddings * dead[:, None])
    extras = {"codebooks": {"top": top, "bottom": books["bottom"]}, "perceptual_weight": jnp.float32(0)}
    state = TrainState(jnp.asarray(0), params, optimizer.init(params), params, extras)
    mapped = DEVICES.map(MSVQVAETask(experiment, 100).step, (False, True, False, False), (False, False))
    return lambda state, seed=0: mapped(state, CLIPS, jax.random.key(seed), None), state


@cache
def after(dtype="float32", steps=1):
    step, state = stepper(dtype)
    for _ in range(steps):
        state, metrics = step(state)
    return state, metrics


def test_codebooks_move_by_ema_of_the_old_codebooks_assignments():
    _, before = stepper("float32")
    state, metrics = after()
    model, _, _ = started(experiment_of("float32").model)
    forward = jax.jit(lambda s, x: apply_model(model, s.params, normalise(x), s.extras["codebooks"]))(before, CLIPS)
    z, quantized = forward.levels["bottom"]
    book, one_hot = before.extras["codebooks"]["bottom"], np.eye(16)[np.asarray(quantized.indices).reshape(-1)]
    share = 16 / len(one_hot)
    counts = 0.99 * np.asarray(book.counts) + 0.01 * share * one_hot.sum(axis=0)
    sums = 0.99 * np.asarray(book.sums) + 0.01 * share * one_hot.T @ np.asarray(z, np.float64).reshape(-1, 4)
    moved = state.extras["codebooks"]["bottom"]
    np.testing.assert_allclose(moved.counts, counts, rtol=1e-5)
    np.testing.assert_allclose(moved.sums, sums, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(moved.embeddings, sums / counts[:, None], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(metrics.histograms["bottom"], one_hot.sum(axis=0))


def test_a_dead_code_is_revived_within_the_step():
    state, metrics = after()
    assert metrics.totals["top/revived"] == 1 and metrics.totals["bottom/revived"] == 0
    top = state.extras["codebooks"]["top"]
    assert np.min(top.counts) > 0.03
    assert np.linalg.norm(top.embeddings[-1]) < 100
    np.testing.assert_allclose(top.embeddings, top.sums / top.counts[:, None], rtol=1e-5, atol=1e-6)


def test_two_runs_are_equal_bit_for_bit():
    step, before = stepper("float32")
    state = before
    for _ in range(3):
        state, _ = step(state)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(after(steps=3)[0]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_bfloat16_encoder_moves_a_float32_codebook():
    _, before = stepper("bfloat16")
    state, exact = after("bfloat16")[0], after("float32")[0]
    for name in ("top", "bottom"):
        old, new, reference = (s.extras["codebooks"][name] for s in (before, state, exact))
        assert {leaf.dtype for leaf in new} == {jnp.dtype("float32")}
        step = np.abs(new.sums - old.sums)
        assert step.max() > 0
        # Steps of 1 % that bfloat16 (2^-8 apart) could not hold: the new sums are no bfloat16 numbers.
        rounded = new.sums.astype(jnp.bfloat16).astype(jnp.float32)
        assert np.mean(rounded != new.sums) > 0.9
        np.testing.assert_allclose(jnp.sum(new.counts), jnp.sum(reference.counts), rtol=1e-5)
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {jnp.dtype("float32")}


def test_the_steps_own_numbers():
    _, before = stepper("float32")
    state, metrics = after()
    assert state.step == 1 and state.extras["perceptual_weight"] == before.extras["perceptual_weight"]
    assert bool(metrics.finite)
    scalars = {name: float(value) for name, value in metrics.scalars.items()}
    assert scalars["psnr"] == pytest.approx(-10 * np.log10(scalars["reconstruction"]), rel=1e-5)
    assert scalars["loss"] == pytest.approx(scalars["reconstruction"] + 0.25 * scalars["commitment"], rel=1e-5)
    assert scalars["perceptual"] == scalars["weighted_perceptual"] == 0
    assert scalars["grad_norm"] > 0
    assert {name: counts.sum() for name, counts in metrics.histograms.items()} == {"top": 4 * 4, "bottom": 4 * 32}


def test_weights_are_averaged_after_the_step():
    _, before = stepper("float32")
    state, _ = after()
    for old, new, mean in zip(*map(jax.tree.leaves, (before.params, state.params, state.ema_params)), strict=True):
        np.testing.assert_allclose(mean, 0.1 * old + 0.9 * new, rtol=1e-4, atol=1e-6)


def test_training_lowers_the_loss():
    assert after(steps=60)[1].scalars["reconstruction"] < 0.7 * after()[1].scalars["reconstruction"]


def test_a_loss_that_is_not_finite_is_reported():
    step, state = stepper("float32")
    broken = jax.tree.map(lambda w: w * jnp.nan, state.params)
    assert not bool(step(state._replace(params=broken))[1].finite)


def test_level_dropout_has_its_rate_and_changes_from_step_to_step():
    config = narrow_experiment("tiny", level_dropout=0.25).model
    draw = DEVICES.map(lambda key: (level_dropout(config, key, 4000),), (False,), (True,))
    one, two = (DEVICES.join(draw(jax.random.fold_in(jax.random.key(0), step))[0]) for step in (0, 1))
    assert abs(one.mean() - 0.25) < 0.03 and abs(two.mean() - 0.25) < 0.03
    assert np.any(one != two)


@pytest.mark.parametrize("name", ["vqvae3d", "tiny"])
def test_without_a_top_or_a_rate_nothing_is_dropped(name):
    config = narrow_experiment(name, level_dropout=0.0 if name == "tiny" else 0.1).model
    assert level_dropout(config, jax.random.key(0), 4) is None


def test_revival_by_choice():
    _, before = stepper("float32")
    book = before.extras["codebooks"]["top"]
    batch = Statistics(jnp.ones(16), book.embeddings)
    samples = jnp.full((8, 4), 7.0)
    none, count = move_codebook(QuantizerConfig(revival="none"), book, batch, samples)
    assert count == 0 and none.counts[-1] < 0.03
    sampled, count = move_codebook(QuantizerConfig(revival="sample"), book, batch, samples)
    assert count == 1
    np.testing.assert_array_equal(sampled.embeddings[-1], 7.0)


def test_codebooks_are_no_business_of_the_optimiser():
    _, before = stepper("float32")
    moments = [s for s in jax.tree.leaves(before.opt_state, is_leaf=lambda s: hasattr(s, "mu")) if hasattr(s, "mu")]
    assert jax.tree.structure(moments[0].mu) == jax.tree.structure(before.params)
    assert isinstance(make_optimizer(experiment_of("float32").optimizer, 1, 8), optax.GradientTransformation)


def test_unit_codes_stay_at_unit_mean_square_while_they_move():
    experiment = experiment_of("float32")
    experiment = replace(experiment, model=replace(experiment.model, unit_codes=True))
    optimizer = make_optimizer(experiment.optimizer, 100, 8)
    model, params, books = started(experiment.model)
    extras = {"codebooks": books, "perceptual_weight": jnp.float32(0)}
    state = TrainState(jnp.asarray(0), params, optimizer.init(params), params, extras)
    mapped = DEVICES.map(MSVQVAETask(experiment, 100).step, (False, True, False, False), (False, False))
    new, metrics = mapped(state, CLIPS, jax.random.key(0), None)
    assert bool(metrics.finite)
    levels = apply_model(model, new.params, normalise(CLIPS), new.extras["codebooks"]).levels
    for name, book in new.extras["codebooks"].items():
        assert np.abs(np.asarray(book.embeddings) - np.asarray(books[name].embeddings)).max() > 1e-4
        for vectors in (book.embeddings, levels[name].z):
            np.testing.assert_allclose(np.mean(np.square(vectors), axis=-1), 1.0, rtol=0.03)
