"""Learning rates at given steps, Adam against torch, clipping, the weights' moving average."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vqvae_jax.errors import ConfigError
from vqvae_jax.training.optimizer import OptimizerConfig, average_weights, learning_rate_schedule, make_optimizer


def rates(steps, at, batch=8, **fields):
    schedule = learning_rate_schedule(OptimizerConfig(**{"learning_rate": 1.0} | fields), steps, batch)
    return [float(schedule(step)) for step in at]


def test_the_default_is_the_papers():
    config = OptimizerConfig()
    assert (config.learning_rate, config.b1, config.b2, config.schedule) == (2e-4, 0.9, 0.999, "cosine")
    assert config.peak(8) == 2e-4


def test_cosine_falls_to_zero():
    assert rates(100, [0, 25, 50, 75, 100]) == pytest.approx(
        [1, (1 + 2**-0.5) / 2, 0.5, (1 - 2**-0.5) / 2, 0], abs=1e-6
    )


def test_constant_stays():
    assert rates(100, [0, 99], schedule="constant") == [1, 1]


def test_constant_then_decay_falls_linearly_over_its_share():
    at = [0, 79, 80, 90, 100]
    assert rates(100, at, schedule="constant_decay", decay_fraction=0.2) == pytest.approx([1, 1, 1, 0.5, 0], abs=1e-6)


def test_constant_then_a_cosine_falls_to_a_fiftieth():
    found = rates(100, [0, 29, 30, 65, 100], schedule="constant_cosine", decay_fraction=0.7)
    assert found == pytest.approx([1, 1, 1, 0.51, 0.02], abs=1e-6)


def test_warmup_rises_linearly_and_the_first_step_already_moves():
    # 4 steps of a ramp that would start at 0 on step -1 and arrives on step 4.
    found = rates(104, [0, 1, 3, 4, 54, 104], warmup_steps=4)
    assert found == pytest.approx([0.2, 0.4, 0.8, 1.0, 0.5, 0.0], abs=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "constant", "constant_decay", "constant_cosine"])
def test_a_run_shorter_than_its_warmup_is_still_finite(schedule):
    for steps in (1, 2, 3):
        found = rates(steps, range(steps), schedule=schedule, warmup_steps=10, decay_fraction=1.0)
        assert np.all(np.isfinite(found)) and found[0] > 0


@pytest.mark.parametrize(
    ("rule", "batch", "factor"),
    [("none", 32, 1), ("sqrt", 32, 2), ("linear", 32, 4), ("sqrt", 2, 0.5), ("linear", 8, 1), ("sqrt", 8, 1)],
)
def test_how_the_rate_follows_the_global_batch(rule, batch, factor):
    assert OptimizerConfig(learning_rate=3e-4, batch_rule=rule).peak(batch) == pytest.approx(3e-4 * factor)
    assert rates(10, [0], batch, batch_rule=rule) == pytest.approx([factor])


def test_adam_equals_torch_over_several_steps():
    torch = pytest.importorskip("torch", reason="torch is the reference")
    gradients = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    optimizer = make_optimizer(OptimizerConfig(schedule="constant"), 5, 8)
    params = jnp.ones(7)
    state = optimizer.init(params)
    weights = torch.ones(7, requires_grad=True)
    reference = torch.optim.Adam([weights], lr=2e-4, betas=(0.9, 0.999), eps=1e-8)
    for gradient in gradients:
        updates, state = optimizer.update(jnp.asarray(gradient), state, params)
        params = optax.apply_updates(params, updates)
        weights.grad = torch.tensor(gradient)
        reference.step()
    np.testing.assert_allclose(params, weights.detach().numpy(), rtol=1e-6)


def test_clipping_scales_to_the_global_norm():
    gradients = {"a": jnp.asarray([3.0, 0.0]), "b": jnp.asarray([4.0])}  # norm 5
    clipped, plain = (make_optimizer(OptimizerConfig(clip_norm=norm), 10, 8) for norm in (1.0, 0.0))
    a, _ = clipped.update(gradients, clipped.init(gradients))
    b, _ = plain.update(jax.tree.map(lambda g: g / 5.0, gradients), plain.init(gradients))
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)
    # Adam divides the scale out again, so look at what it saw.
    _, state = clipped.update(gradients, clipped.init(gradients))
    moment = next(s for s in jax.tree.leaves(state, is_leaf=lambda s: hasattr(s, "mu")) if hasattr(s, "mu")).mu
    np.testing.assert_allclose(optax.tree.norm(moment), 0.1 * 1.0, rtol=1e-5)


def test_average_of_weights_is_the_closed_form_and_starts_low():
    average = {"w": jnp.asarray([0.0])}
    expected = 0.0
    for step in range(200):
        params = {"w": jnp.asarray([float(step)])}
        average = average_weights(average, params, OptimizerConfig(weight_ema=0.9), jnp.asarray(step))
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    np.testing.assert_allclose(average["w"], expected, rtol=1e-5)
    # After the start it lags by decay / (1 - decay) steps.
    np.testing.assert_allclose(average["w"], 199 - 9, atol=0.1)


def test_without_an_average_there_is_none():
    assert average_weights(None, {"w": jnp.ones(1)}, OptimizerConfig(weight_ema=0.9), jnp.asarray(0)) is None


def test_an_average_may_hold_on_to_what_it_began_with():
    settings = OptimizerConfig(weight_ema=0.9, weight_ema_start="kept")
    average = {"w": jnp.asarray([5.0])}
    for step in range(20):
        average = average_weights(average, {"w": jnp.asarray([1.0])}, settings, jnp.asarray(step))
    np.testing.assert_allclose(average["w"], 1.0 + 4.0 * 0.9**20, rtol=1e-5)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("batch_rule", "cube", "none, sqrt, linear"),
        ("schedule", "step", "cosine, constant, constant_decay"),
        ("b2", 1.0, r"\[0, 1\)"),
        ("weight_ema", 1.0, r"\[0, 1\)"),
        ("decay_fraction", 0.0, r"\(0, 1\]"),
        ("clip_norm", -1.0, "at least 0"),
        ("warmup_steps", -1, "at least 0"),
        ("reference_batch", 0, "at least 1"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field, value, allowed):
    with pytest.raises(ConfigError, match=f"optimizer.{field}={value!r} is not allowed; expected .*{allowed}"):
        OptimizerConfig(**{field: value})


@pytest.mark.parametrize("shape", [(1, 3, 3, 4, 8), (3, 3, 4, 8)])
def test_muon_moves_kernels_along_orthogonal_directions_of_adams_size_and_the_rest_by_adam(shape):
    rng = np.random.default_rng(1)
    params = {"kernel": jnp.ones(shape), "bias": jnp.ones(8)}
    gradients = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape), jnp.float32), params)
    # One direction thirty times as steep as the others: Adam's step follows it, Muon's does not.
    gradients["kernel"] = gradients["kernel"] + 30 * jnp.asarray(rng.standard_normal((*shape[:-1], 1)), jnp.float32)
    updates = {}
    for algorithm in ("muon", "adam"):
        optimizer = make_optimizer(OptimizerConfig(algorithm=algorithm, schedule="constant"), 10, 8)
        updates[algorithm], _ = optimizer.update(gradients, optimizer.init(params), params)
    matrix = np.asarray(updates["muon"]["kernel"], np.float64).reshape(36, 8)
    singular = np.linalg.svd(matrix, compute_uv=False)
    assert singular.min() > 0.5 * singular.max()
    steep = np.linalg.svd(np.asarray(updates["adam"]["kernel"]).reshape(36, 8), compute_uv=False)
    assert steep[1] < 0.3 * steep[0]
    assert np.sqrt(np.mean(matrix**2)) == pytest.approx(0.2 * 2e-4, rel=0.3)
    nadam = optax.nadam(2e-4)
    np.testing.assert_allclose(
        updates["muon"]["bias"], nadam.update(gradients["bias"], nadam.init(params["bias"]))[0], rtol=1e-5
    )


def test_beside_muon_others_and_small_leaves_have_rates_of_their_own():
    params = {
        "kernel": jnp.ones((1, 1, 1, 4, 4)),
        "table": jnp.ones((2, 3)),
        "bias": jnp.ones(3),
        "mix": jnp.ones((2, 2, 2)),
    }
    gradients = jax.tree.map(lambda leaf: jnp.linspace(0.5, 1.0, leaf.size).reshape(leaf.shape), params)
    rates = {"learning_rate": 0.1, "adam_learning_rate": 0.02, "fast_learning_rate": 0.07}
    optimizer = make_optimizer(OptimizerConfig("muon", **rates, schedule="constant", batch_rule="none"), 10, 8)
    updates, _ = optimizer.update(gradients, optimizer.init(params), params)
    for name, expected in {"table": 0.07, "bias": 0.07, "mix": 0.02}.items():
        nadam = optax.nadam(expected)
        alone, _ = nadam.update(gradients[name], nadam.init(params[name]))
        np.testing.assert_allclose(updates[name], alone, rtol=1e-5, err_msg=name)
    plain = make_optimizer(OptimizerConfig("muon", learning_rate=0.1, schedule="constant", batch_rule="none"), 10, 8)
    same, _ = plain.update(gradients, plain.init(params), params)
    np.testing.assert_allclose(same["kernel"], updates["kernel"], rtol=1e-6)
    np.testing.assert_allclose(same["bias"] / updates["bias"], 0.1 / 0.07, rtol=1e-5)


@pytest.mark.parametrize("name", ["adam_learning_rate", "fast_learning_rate"])
def test_rates_of_muons_other_parts_are_refused_without_it(name):
    with pytest.raises(ConfigError, match=f"optimizer.{name}=0.1 is not allowed; expected 0 without Muon"):
        OptimizerConfig(**{name: 0.1})
    with pytest.raises(ConfigError, match=f"optimizer.{name}=-1"):
        OptimizerConfig("muon", **{name: -1.0})


def test_an_unknown_algorithm_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"optimizer.algorithm='sgd' is not allowed; expected one of adam, muon"):
        OptimizerConfig(algorithm="sgd")
