"""SFCM: its identities, its defect, and what guards against it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.mvc.losses.flow import flow_terms, mask_entropy, masked_error

NUMBERS = jnp.array([0, 3])


def case(seed=0):
    rng = np.random.default_rng(seed)
    weights = {
        name: jnp.asarray(rng.normal(0, 1, shape), jnp.float32)
        for name, shape in {
            "flow.kernel": (1, 1, 2, 4), "flow.bias": (4,), "mask.kernel": (1, 1, 2, 2), "mask.bias": (2,),
        }.items()
    }  # fmt: skip
    features, targets = (jnp.asarray(rng.normal(0, 1, (2, 4, 4, c)), jnp.float32) for c in (2, 4))
    return weights, features, targets


def shut(weights):
    """A mask that says that nothing counts."""
    return weights | {"mask.kernel": jnp.zeros((1, 1, 2, 2)), "mask.bias": jnp.array([60.0, -60.0])}


def test_the_terms_are_those_of_numpy():
    weights, features, targets = case()
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    flow = np.asarray(features) @ w["flow.kernel"][0, 0] + w["flow.bias"]
    logits = np.asarray(features) @ w["mask.kernel"][0, 0] + w["mask.bias"]
    share = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    error = np.abs(share[..., 1:] * (flow - np.asarray(targets)))
    expected = error[..., :2].mean((1, 2, 3)) + error[..., 2:].mean((1, 2, 3))
    found = flow_terms(weights, features, targets, NUMBERS, "none")
    np.testing.assert_allclose(found.flow, [0.0, expected[1]], rtol=1e-5)
    np.testing.assert_allclose(found.entropy, -(share * np.log(share)).sum(-1).mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(found.mask, share[..., 1].mean((1, 2)), rtol=1e-5)
    unregularised = flow_terms(weights, features, targets, NUMBERS, "none", regularised=False)
    plain = np.abs(flow - np.asarray(targets))
    np.testing.assert_allclose(unregularised.flow[1], 2 * plain[1].mean(), rtol=1e-5)
    np.testing.assert_array_equal(unregularised.entropy, 0.0)


def test_entropy_is_zero_of_a_choice_and_log_two_of_a_doubt():
    choice = jnp.stack([jnp.ones((1, 4, 4)), jnp.zeros((1, 4, 4))], axis=-1)
    np.testing.assert_allclose(mask_entropy(choice), 0.0, atol=1e-6)
    np.testing.assert_allclose(mask_entropy(jnp.full((1, 4, 4, 2), 0.5)), np.log(2), rtol=1e-6)


def test_a_shut_mask_costs_nothing_in_the_paper_and_much_with_a_guard():
    weights, features, targets = case()
    assert float(masked_error(targets + 3, targets, jnp.zeros((2, 4, 4, 1))).max()) == 0.0
    closed = flow_terms(shut(weights), features, targets, NUMBERS, "none")
    assert float(closed.flow.max()) < 1e-6 and float(closed.entropy.max()) < 1e-6 and float(closed.mask.max()) < 1e-6
    floor = flow_terms(shut(weights), features, targets, NUMBERS, "floor")
    np.testing.assert_allclose(floor.guard, [0.0, 0.5], atol=1e-6)


def test_with_normalise_a_small_mask_gains_nothing():
    weights, features, targets = case()
    even = weights | {"mask.kernel": jnp.zeros((1, 1, 2, 2))}

    def cost(bias, guard):
        return float(
            flow_terms(even | {"mask.bias": jnp.array([0.0, bias])}, features, targets, NUMBERS, guard).flow[1]
        )

    assert cost(-3.0, "none") < 0.1 * cost(0.0, "none")
    np.testing.assert_allclose(cost(-3.0, "normalise"), cost(0.0, "normalise"), rtol=0.03)


@pytest.mark.parametrize("guard", ["none", "normalise", "floor"])
def test_the_gradient_is_that_of_finite_differences(guard):
    weights, features, targets = case()

    def total(z):
        found = flow_terms(weights, z, targets, NUMBERS, guard)
        return jnp.sum(found.flow + found.entropy + found.guard)

    found, step = jax.grad(total)(features), 1e-2
    for place in [(1, 0, 0, 0), (1, 2, 3, 1), (0, 1, 1, 0), (1, 3, 2, 1)]:
        expected = (total(features.at[place].add(step)) - total(features.at[place].add(-step))) / (2 * step)
        assert abs(float(found[place] - expected)) < 5e-3
