"""TCL: its floor, its target, and that originals are best for the target of their content."""

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.mvc.losses.consistency import TEMPERATURE, consistency_loss, unit

WEIGHTS = np.exp(-(np.arange(1, 81) ** 2) / 20.0)
WEIGHTS /= WEIGHTS.sum()


def at_80(similarities):
    """Of frame 80 of 81, whose similarities to frames 79, 78 ... these are."""
    row = np.concatenate([np.asarray(similarities)[::-1], [0.0]])
    return float(consistency_loss(jnp.asarray(row[None], jnp.float32), jnp.array([80]))[0])


def test_the_weights_and_the_floor_are_the_specifications():
    np.testing.assert_allclose(WEIGHTS[:6], [0.275, 0.236, 0.184, 0.130, 0.083, 0.048], atol=1e-3)
    entropy = -(WEIGHTS * np.log(np.maximum(WEIGHTS, 1e-300))).sum()
    assert round(entropy, 4) == 1.8144
    assert abs(at_80(TEMPERATURE * np.log(WEIGHTS)) - entropy) < 1e-4
    assert abs(at_80(np.zeros(80)) - np.log(80)) < 1e-4


def test_early_frames_look_at_those_there_are():
    rng = np.random.default_rng(0)
    similarities = rng.uniform(-1, 1, (3, 6)).astype(np.float32)
    found = consistency_loss(jnp.asarray(similarities), jnp.array([0, 1, 5]), window=3)
    np.testing.assert_allclose(found[:2], 0.0, atol=1e-6)  # none before, one before
    weights = np.exp(-(np.array([3, 2, 1]) ** 2) / 20.0)
    logits = similarities[2, 2:5].astype(np.float64) / 0.1
    expected = -(weights / weights.sum() * (logits - np.log(np.exp(logits).sum()))).sum()
    np.testing.assert_allclose(found[2], expected, rtol=1e-5)


def test_the_originals_similarities_are_best_for_their_content_and_not_for_the_paper():
    rng = np.random.default_rng(1)
    features = rng.normal(0, 1, (40, 8))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    own = jnp.asarray((features @ features.T)[30:31], jnp.float32)
    number = jnp.array([30])
    far = jnp.exp(-((30.0 - jnp.arange(40)) ** 2) / 20)
    logits = jax.nn.log_softmax(jnp.where(jnp.arange(40) < 30, own[0] / 0.1 + jnp.log(far), -jnp.inf)[:30])
    floor = -float(jnp.sum(jnp.exp(logits) * logits))
    best = own + TEMPERATURE * jnp.log(far)
    np.testing.assert_allclose(consistency_loss(best, number, 80, "content", own)[0], floor, rtol=1e-3)
    at_originals = jax.grad(lambda s: consistency_loss(s, number)[0])(own)
    assert float(jnp.abs(at_originals).max()) > 0.1


def test_features_lose_their_mean_and_their_length():
    rng = np.random.default_rng(2)
    x = rng.normal(5, 1, (4, 6)).astype(np.float32)
    found = np.asarray(unit(jnp.asarray(x), jnp.asarray(x.mean(0))))
    expected = x - x.mean(0)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    assert np.isfinite(jax.grad(lambda y: jnp.sum(unit(y, y[0])))(jnp.asarray(x))).all()


def test_the_gradient_is_that_of_finite_differences():
    similarities = jnp.asarray(np.random.default_rng(3).uniform(-0.2, 0.2, (1, 7)), jnp.float32)
    found = jax.grad(lambda s: consistency_loss(s, jnp.array([5]))[0])(similarities)
    for place in range(7):
        up, down = (consistency_loss(similarities.at[0, place].add(s), jnp.array([5]))[0] for s in (1e-2, -1e-2))
        assert abs(float(found[0, place] - (up - down) / 2e-2)) < 2e-3
    np.testing.assert_array_equal(found[0, 5:], 0.0)
