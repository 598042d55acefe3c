"""Perceptual loss and its weight against torch and by what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_vgg_trunk import torch_features

from vqvae_jax.config import from_dict, to_dict
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.matching import GradientNorms, gradient_norms, matched_weight, perceptual_weight
from vqvae_jax.losses.perceptual import frame_sample, layer_distances, perceptual_distance, perceptual_loss
from vqvae_jax.losses.terms import l2

torch = pytest.importorskip("torch", reason="torch is the outside reference for the perceptual loss")
DIVISORS = (0.5, 0.6, 0.4)


def clips(seed=0, shape=(2, 3, 12, 16, 3)):
    rng = np.random.default_rng(seed)
    x = rng.random(shape, dtype=np.float32)
    return x, np.clip(x + 0.1 * rng.standard_normal(shape), 0, 1).astype(np.float32)


def torch_loss(weights, x, x_hat, divisors):
    total = 0.0
    target = torch_features(weights, x.reshape(-1, *x.shape[2:]))
    estimate = torch_features(weights, x_hat.reshape(-1, *x.shape[2:]))
    for a, b, divisor in zip(target, estimate, divisors, strict=True):
        total = total + (a - b).abs().mean() / divisor
    return total


@pytest.mark.parametrize("divisors", [DIVISORS, (1.0, 1.0, 1.0)], ids=["matched", "literal"])
def test_loss_and_gradient_equal_torch(trunk, divisors):
    x, x_hat = clips()
    value, gradient = jax.value_and_grad(perceptual_loss, argnums=2)(trunk, x, x_hat, divisors)
    estimate = torch.from_numpy(x_hat).requires_grad_()
    reference = torch_loss(trunk.weights, torch.from_numpy(x), estimate, divisors)
    reference.backward()
    assert value == pytest.approx(reference.item(), rel=1e-4)
    theirs = estimate.grad.numpy()
    # |a - b| has a kink: a difference of 1e-8 may take either sign in a few places, so compare in norm.
    assert np.linalg.norm(gradient - theirs) < 1e-2 * np.linalg.norm(theirs)


def test_distance_is_per_clip_and_zero_for_identical_clips(random_trunk):
    x, x_hat = clips()
    x_hat[1] = x[1]
    distance = jax.jit(perceptual_distance, static_argnums=3)(random_trunk, x, x_hat, DIVISORS)
    assert distance.shape == (2,) and distance[1] == 0
    assert distance[0] == pytest.approx(float(perceptual_loss(random_trunk, x[:1], x_hat[:1], DIVISORS)), rel=1e-5)


def test_the_target_receives_no_gradient(random_trunk):
    x, x_hat = clips()
    assert not np.any(jax.grad(perceptual_loss, argnums=1)(random_trunk, x, x_hat, DIVISORS))


def test_a_bfloat16_trunk_reduces_in_float32(random_trunk):
    x, x_hat = clips()
    low = layer_distances(random_trunk, x, x_hat, jnp.bfloat16)
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, layer_distances(random_trunk, x, x_hat), rtol=0.02)


def test_videos_of_different_shapes_are_refused(random_trunk):
    x, x_hat = clips()
    with pytest.raises(UserError, match="one shape"):
        perceptual_loss(random_trunk, x, x_hat[:, 1:], DIVISORS)


@pytest.mark.parametrize("reconstruction", ["l2", "l1"])
def test_the_matched_perceptual_gradient_is_gamma_times_the_reconstruction_gradient(random_trunk, reconstruction):
    x, x_hat = clips()
    config = LossConfig(reconstruction=reconstruction, gamma=0.4)
    norms = gradient_norms(config, random_trunk, x, x_hat)
    weight = perceptual_weight(config, norms)
    weighted = jax.grad(lambda y: weight * perceptual_loss(random_trunk, x, y, config.layer_divisors))(x_hat)
    error = np.abs(x_hat - x)
    by_hand = 2 * np.linalg.norm(error) / x.size if reconstruction == "l2" else np.sqrt((error > 0).sum()) / x.size
    assert np.linalg.norm(weighted) == pytest.approx(0.4 * by_hand, rel=1e-3)


def test_the_matched_weight_does_not_depend_on_the_batch_size(random_trunk):
    x, x_hat = clips()
    twice = [np.concatenate([v, v]) for v in (x, x_hat)]
    config = LossConfig()
    once = perceptual_weight(config, gradient_norms(config, random_trunk, x, x_hat))
    assert perceptual_weight(config, gradient_norms(config, random_trunk, *twice)) == pytest.approx(once, rel=1e-3)


def test_norms_that_cannot_be_matched_are_an_error():
    assert matched_weight(3.0, 2.0, 0.4) == pytest.approx(0.6)
    assert matched_weight(0.0, 0.0, 0.0) == 0.0
    for norms in [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))]:
        with pytest.raises(UserError, match="has norm"):
            matched_weight(*norms, 0.4)


def test_literal_weight_is_gamma_itself_on_raw_layer_means():
    config = LossConfig(gamma_rule="literal")
    assert perceptual_weight(config, None) == 0.4 and config.layer_divisors == (1.0, 1.0, 1.0)
    assert perceptual_weight(LossConfig(gamma=0), None) == 0
    with pytest.raises(ValueError, match="needs the gradient norms"):
        perceptual_weight(LossConfig(), None)
    assert perceptual_weight(LossConfig(), GradientNorms(jnp.float32(1), jnp.float32(2))) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "bad",
    [
        {"reconstruction": "huber"},
        {"gamma_rule": "auto"},
        {"gamma": -0.1},
        {"beta": float("nan")},
        {"commitment": float("inf")},
        {"layer_means": (1.0, 0.0, 1.0)},
        {"layer_means": (1.0, 1.0)},
    ],
)
def test_bad_fields_are_named(bad):
    (field,) = bad
    with pytest.raises(ConfigError, match=rf"config: loss\.{field}="):
        LossConfig(**bad)


def test_config_survives_json():
    config = LossConfig(gamma=0.1, layer_means=DIVISORS)
    assert from_dict(LossConfig, to_dict(config)) == config


def test_noise_seen_by_the_real_trunk_grows_with_its_strength(trunk):
    x, _ = clips()
    noise = np.random.default_rng(3).standard_normal(x.shape).astype(np.float32)
    distances = [float(perceptual_loss(trunk, x, x + s * noise, DIVISORS)) for s in (0.01, 0.03, 0.1)]
    assert distances == sorted(distances) and distances[0] > 0
    assert l2(x, x + 0.1 * noise) == pytest.approx(0.01, rel=0.1)


def test_steps_in_a_row_see_every_frame_once_and_evenly_spread():
    clip = np.broadcast_to(np.arange(12.0)[:, None, None, None], (2, 12, 4, 4, 3))
    seen = [np.asarray(frame_sample(jnp.asarray(clip), 4, step))[:, :, 0, 0, 0] for step in range(6)]
    assert seen[0].shape == (2, 4)
    assert all(np.array_equal(np.diff(frames), np.full((2, 3), 3.0)) for frames in seen)
    assert sorted(np.concatenate([frames[1] for frames in seen[:3]])) == list(range(12))
    np.testing.assert_array_equal(seen[3], seen[0])


def test_no_count_means_every_frame():
    clip = jnp.arange(2 * 6 * 3.0).reshape(2, 6, 1, 1, 3)
    np.testing.assert_array_equal(frame_sample(clip, 0, 5), clip)
