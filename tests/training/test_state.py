"""The train state."""

import jax
import jax.numpy as jnp

from vqvae_jax.training.state import TrainState, parameter_count


def state(ema_params):
    return TrainState(jnp.asarray(0), {"w": jnp.ones(3)}, (), ema_params, {"weight": jnp.asarray(0.0)})


def test_evaluation_uses_the_average_where_there_is_one():
    average = {"w": jnp.zeros(3)}
    assert state(average).eval_params is average
    plain = state(None)
    assert plain.eval_params is plain.params


def test_parameters_are_counted_in_arrays_and_in_shapes():
    tree = {"a": jnp.ones((3, 4)), "b": [jax.ShapeDtypeStruct((5,), jnp.float32), jnp.asarray(1.0)]}
    assert parameter_count(tree) == 18


def test_the_state_is_one_pytree():
    leaves, structure = jax.tree.flatten(state(None))
    assert len(leaves) == 3
    assert isinstance(jax.tree.unflatten(structure, leaves), TrainState)
