"""A level's context model from the indices of training clips.

Repeat flags are counted. The network is fitted by maximum likelihood: minibatches of Adam on the weights as they will
be rounded.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.context_arrays import FLOAT32_INTEGERS, HIDDEN_LIMIT, ContextArrays
from vqvae_jax.msvqvae.indices.context_model import INPUT_BITS, OUTPUT_BITS, SCORE_BITS
from vqvae_jax.msvqvae.indices.contexts import ACTIVITIES, REPEAT_CONTEXTS, coarse_repeats, repeat_contexts, repeats
from vqvae_jax.msvqvae.indices.order import GROUPS, NEIGHBOURS, Observed, observe

LEAST = 16  # clips
HIDDEN = 64
BATCH = 2048
PASSES = 1.5  # over all observations: from three on fresh clips take more bits again ...
STEPS = (200, 4000)  # ... but no fewer and no more steps
LEARNING_RATE = 1e-2
UNKNOWN = 0.05  # chance that a neighbour is hidden from a step: a code of which little is known leans on the others
PARTS = {"neighbours": INPUT_BITS, "coarse": INPUT_BITS, "groups": INPUT_BITS, "output": OUTPUT_BITS}
LIMITS = {"neighbours": 127, "coarse": 127, "groups": 2**15 - 1, "output": 127}

Progress = Callable[[int, int], None]
Weights = dict[str, Array]


class Grids(NamedTuple):
    """Indices of many clips of one level."""

    indices: np.ndarray  # [N, T, H, W], integers in [0, K)
    coarse: np.ndarray | None  # [N, t, h, w] of the next coarser level
    coarse_codes: int = 0  # of the coarser level

    def pairs(self) -> Iterable[tuple[np.ndarray, np.ndarray | None]]:
        """Each clip's grid, and the coarser one beside it."""
        return zip(self.indices, [None] * len(self.indices) if self.coarse is None else self.coarse, strict=True)


def fit_level(grids: Grids, embeddings_KD: np.ndarray, on_step: Progress | None = None) -> ContextArrays:
    """Fits a level's repeat flags by counting and its changed indices by maximum likelihood.

    Args:
      grids: of training clips.
      embeddings_KD: the codebook; codes that are near one another begin with weights that are.
      on_step: called with training steps done and in all.

    Raises:
      UserError: if there are fewer than 16 grids, or grids of a single step.
    """
    count, steps = grids.indices.shape[:2]
    if count < LEAST or steps < 2:
        raise UserError(f"entropy models need {LEAST} clips of two latent steps at least; found {count}")
    flags = np.stack([repeats(grid) for grid in grids.indices])
    activity = _activity(grids.indices[:, :-1], flags, len(embeddings_KD))
    network = _fit_network(grids, embeddings_KD, on_step)
    return ContextArrays(activity, _repeat_chances(grids, activity), *network)


def _activity(earlier: np.ndarray, flags: np.ndarray, codes: int) -> np.ndarray:
    """Classes of codes by the share of repeats, with about equally many observations each."""
    seen = np.bincount(earlier.ravel(), minlength=codes)
    share = (np.bincount(earlier.ravel(), flags.ravel(), codes) + 1) / (seen + 2)
    order = np.argsort(share, kind="stable")
    before = np.cumsum(seen[order]) - seen[order]
    activity = np.empty(codes, np.uint8)
    # Codes never seen may come after all observations.
    activity[order] = np.minimum(before * ACTIVITIES // max(int(seen.sum()), 1), ACTIVITIES - 1)
    return activity


def _repeat_chances(grids: Grids, activity: np.ndarray) -> np.ndarray:
    """uint16 [REPEAT_CONTEXTS]; a context with few observations leans on its activity class."""
    seen, repeated = np.zeros(REPEAT_CONTEXTS), np.zeros(REPEAT_CONTEXTS)
    for grid, coarser in grids.pairs():
        contexts = repeat_contexts(grid, coarse_repeats(coarser, grid.shape), activity).ravel()
        seen += np.bincount(contexts, minlength=REPEAT_CONTEXTS)
        repeated += np.bincount(contexts, repeats(grid).ravel(), REPEAT_CONTEXTS)
    by_class = repeated.reshape(ACTIVITIES, -1).sum(axis=1) + 0.5, seen.reshape(ACTIVITIES, -1).sum(axis=1) + 1.0
    prior = np.repeat(by_class[0] / by_class[1], REPEAT_CONTEXTS // ACTIVITIES)
    chance = (repeated + 4.0 * prior) / (seen + 4.0)
    return np.clip(np.rint(chance * SCALE), 1, SCALE - 1).astype(np.uint16)


class Batch(NamedTuple):
    """Some observations and the indices that followed."""

    observed: Observed
    symbols: np.ndarray  # [M]


def _fit_network(grids: Grids, embeddings_KD: np.ndarray, on_step: Progress | None) -> tuple[np.ndarray, ...]:
    """`neighbours`, `coarse`, `groups`, `output` and `bias` of `ContextArrays`."""
    everything = _observations(grids, len(embeddings_KD))
    weights = _initial(everything.symbols, grids.coarse_codes, np.asarray(embeddings_KD, np.float64))
    count = len(everything.symbols)
    steps = min(max(round(PASSES * count / BATCH), STEPS[0]), STEPS[1])
    optimizer = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))
    state, step = optimizer.init(weights), partial(_step, optimizer)
    compiled = jax.jit(step, donate_argnums=(0, 1))
    rng = np.random.default_rng(0)
    for number in range(steps):
        batch = _hidden_in_part(_taken(everything, rng.integers(0, count, BATCH)), len(embeddings_KD), rng)
        weights, state = compiled(weights, state, batch)
        if on_step is not None:
            on_step(number + 1, steps)
    found = {name: np.asarray(_integers(value, name)) for name, value in weights.items() if name in PARTS}
    bias = np.rint(np.asarray(weights["bias"], np.float64) * 2**SCORE_BITS)
    most = FLOAT32_INTEGERS - 1 - HIDDEN * HIDDEN_LIMIT * 128
    return (
        found["neighbours"].astype(np.int8),
        found["coarse"].astype(np.int8),
        found["groups"].astype(np.int16),
        found["output"].astype(np.int8),
        np.clip(bias, -most, most).astype(np.int32),
    )


def _observations(grids: Grids, codes: int) -> Batch:
    found = []
    for grid, coarser in grids.pairs():
        observed, symbols, _ = observe(np.asarray(grid, np.int64), coarser, codes, grids.coarse_codes)
        # A tenth of the memory: there are millions.
        small = [observed.neighbours.astype(np.uint16), observed.coarse.astype(np.uint16)]
        found.append((*small, observed.first, observed.group.astype(np.uint8), symbols.astype(np.uint16)))
    neighbours, near, first, group, symbols = (np.concatenate(column) for column in zip(*found, strict=True))
    return Batch(Observed(neighbours, near, first, group), symbols)


def _taken(batch: Batch, rows: np.ndarray) -> Batch:
    return Batch(
        Observed(*(column[rows].astype(np.int32) for column in batch.observed)), batch.symbols[rows].astype(np.int32)
    )


def _hidden_in_part(batch: Batch, codes: int, rng: np.random.Generator) -> Batch:
    """The same with some neighbours unknown; the index one step before stays, since it is never coded."""
    neighbours = batch.observed.neighbours
    gone = rng.random(neighbours.shape) < UNKNOWN
    gone[:, 0] = False
    return batch._replace(observed=batch.observed._replace(neighbours=np.where(gone, codes, neighbours)))


def _initial(symbols: np.ndarray, coarse_codes: int, embeddings_KD: np.ndarray) -> Weights:
    """Hidden units are random directions in the codebook's space, so that near codes begin alike."""
    codes, dim = embeddings_KD.shape
    centred = embeddings_KD - embeddings_KD.mean(axis=0)
    centred /= max(np.sqrt(np.mean(np.square(centred))), 1e-9)
    rng = np.random.default_rng(0)
    directions = centred @ rng.normal(size=(dim, HIDDEN)) / np.sqrt(dim)
    table = 0.3 / np.sqrt(NEIGHBOURS) * np.concatenate([directions, np.zeros((1, HIDDEN))])
    seen = np.bincount(symbols, minlength=codes) + 0.5
    return {
        "neighbours": jnp.asarray(np.tile(table, (NEIGHBOURS, 1, 1)), jnp.float32),
        "coarse": jnp.zeros((coarse_codes + 1, HIDDEN)),
        "groups": jnp.full((2, GROUPS, HIDDEN), 0.1),
        "output": jnp.asarray(0.1 * directions.T, jnp.float32),
        "bias": jnp.asarray(np.log2(seen) - np.log2(seen).mean(), jnp.float32),
    }


def _integers(value: Array, name: str) -> Array:
    return jnp.clip(jnp.round(value * 2.0 ** PARTS[name]), -LIMITS[name], LIMITS[name])


def _rounded(weights: Weights) -> Weights:
    """Weights as they will be stored; gradients as if they were not rounded (Bengio et al. 2013, straight-through)."""

    def stored(value: Array, name: str) -> Array:
        return value + jax.lax.stop_gradient(_integers(value, name) * 2.0 ** -PARTS[name] - value)

    return {name: stored(value, name) if name in PARTS else value for name, value in weights.items()}


def _loss(weights: Weights, batch: Batch) -> Array:
    """Mean cross-entropy in nats."""
    observed, rounded = batch.observed, _rounded(weights)
    hidden = rounded["groups"][jnp.where(observed.first, 0, 1), observed.group] + rounded["coarse"][observed.coarse]
    # One gather from one table: the gradient of fourteen would write the whole table fourteen times.
    _, tokens, units = rounded["neighbours"].shape
    rows = observed.neighbours + tokens * jnp.arange(NEIGHBOURS)
    hidden += jnp.sum(rounded["neighbours"].reshape(-1, units)[rows], axis=1)
    hidden = jnp.clip(hidden, 0.0, HIDDEN_LIMIT * 2.0**-INPUT_BITS)
    scores = hidden @ rounded["output"] + rounded["bias"]
    codes = scores.shape[1]
    before = jnp.arange(codes) == observed.neighbours[:, :1]
    scores = jnp.where(before, scores - 30.0, scores)  # a changed index is another one
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(jnp.log(2.0) * scores, batch.symbols))


def _step(optimizer: optax.GradientTransformation, weights: Weights, state: Any, batch: Batch) -> tuple[Weights, Any]:
    gradients = jax.grad(_loss)(weights, batch)
    updates, state = optimizer.update(gradients, state)
    return optax.apply_updates(weights, updates), state
