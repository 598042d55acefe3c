"""A train state with everything that a real one has: dictionaries, NamedTuples, optax states, None, 0-d leaves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax


class Codebook(NamedTuple):
    embeddings: Any
    counts: Any
    sums: Any
    initialized: Any


class State(NamedTuple):
    step: Any
    params: Any
    codebooks: Any
    opt_state: Any
    ema_params: Any
    perceptual_weight: Any


def make_state(seed: int = 0) -> State:
    keys = jax.random.split(jax.random.key(seed), 3)
    params = {
        "encoder": {"conv": {"kernel": jax.random.normal(keys[0], (3, 3, 4)), "bias": jnp.full((4,), 0.5)}},
        "decoder": {"scale": jax.random.normal(keys[1], (5,), jnp.bfloat16)},
    }
    table = jax.random.normal(keys[2], (8, 4))
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
    return State(
        step=jnp.asarray(seed, jnp.int32),
        params=params,
        codebooks={"top": Codebook(table, jnp.ones(8), table * 2, jnp.asarray(1.0))},
        opt_state=optimiser.init(params),
        ema_params=None,
        perceptual_weight=jnp.asarray(0.4),
    )


def assert_same_bits(a: Any, b: Any) -> None:
    assert jax.tree_util.tree_structure(a) == jax.tree_util.tree_structure(b)
    for x, y in zip(jax.tree_util.tree_leaves(a), jax.tree_util.tree_leaves(b), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
