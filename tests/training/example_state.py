"""A train state with everything that a real one has: dictionaries, NamedTuples, optax states, None, 0-d leaves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vqvae_jax.training.state import TrainState


class Codebook(NamedTuple):
    embeddings: Any
    counts: Any
    sums: Any
    initialized: Any


def make_state(seed: int = 0) -> TrainState:
    keys = jax.random.split(jax.random.key(seed), 3)
    params = {
        "encoder": {"conv": {"kernel": jax.random.normal(keys[0], (3, 3, 4)), "bias": jnp.full((4,), 0.5)}},
        "decoder": {"scale": jax.random.normal(keys[1], (5,), jnp.bfloat16)},
    }
    table = jax.random.normal(keys[2], (8, 4))
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
    return TrainState(
        step=jnp.asarray(seed, jnp.int32),
        params=params,
        opt_state=optimiser.init(params),
        ema_params=None,
        extras={
            "codebooks": {"top": Codebook(table, jnp.ones(8), table * 2, jnp.asarray(1.0))},
            "perceptual_weight": jnp.asarray(0.4),
        },
    )


def assert_same_bits(a: Any, b: Any) -> None:
    assert jax.tree_util.tree_structure(a) == jax.tree_util.tree_structure(b)
    for x, y in zip(jax.tree_util.tree_leaves(a), jax.tree_util.tree_leaves(b), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
