"""Integer arithmetic in float32 is exact, and arrays that contradict themselves are refused by name."""

import numpy as np
import pytest

from tests.msvqvae.indices.example_tables import random_context_model, random_contexts
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.context_arrays import HIDDEN_LIMIT, check_arrays
from vqvae_jax.msvqvae.indices.context_model import ContextModel, parts
from vqvae_jax.msvqvae.indices.order import GROUPS, NEIGHBOURS, Observed

CODES = 20
ARRAYS = random_contexts(CODES)


def anything(count, codes, coarse_codes=7, seed=0):
    rng = np.random.default_rng(seed)
    return Observed(
        rng.integers(0, codes + 1, (count, NEIGHBOURS)),
        rng.integers(0, coarse_codes + 1, count),
        rng.random(count) < 0.3,
        rng.integers(0, GROUPS, count),
    )


def exact_costs(arrays, observed):
    """The same in Python's integers."""
    rows = []
    for row in range(len(observed.coarse)):
        hidden = arrays.groups[0 if observed.first[row] else 1, observed.group[row]].astype(int)
        hidden = hidden + arrays.coarse[observed.coarse[row]]
        for number, token in enumerate(observed.neighbours[row]):
            hidden = hidden + arrays.neighbours[number, token]
        scores = hidden.clip(0, 1023).astype(object) @ arrays.output.astype(object) + arrays.bias
        costs = [min((max(scores) - score) >> 7, 255) for score in scores]
        before = observed.neighbours[row, 0]
        if before < len(scores):
            costs[before] = 255
        rows.append(costs)
    return np.array(rows)


@pytest.mark.parametrize(("hidden", "limit"), [(64, 6), (64, 127), (128, -128)])
def test_costs_are_those_of_integers_even_at_the_greatest_weights(hidden, limit):
    arrays = random_contexts(CODES, hidden=hidden)
    outputs = np.abs(np.sign(arrays.output)) * limit
    arrays = arrays._replace(output=outputs.astype(np.int8), groups=np.full_like(arrays.groups, 4 * HIDDEN_LIMIT))
    observed = anything(200, CODES)
    np.testing.assert_array_equal(ContextModel(arrays).costs(observed), exact_costs(arrays, observed))


def test_the_index_before_is_next_to_impossible_and_all_frequencies_sum_to_the_scale():
    model, observed = random_context_model(CODES), anything(300, CODES)
    frequencies = model.frequencies(observed)
    assert (frequencies.sum(axis=1) == 65536).all() and frequencies.min() >= 1
    known = np.flatnonzero(observed.neighbours[:, 0] < CODES)
    assert frequencies[known, observed.neighbours[known, 0]].max() <= 2
    np.testing.assert_array_equal(np.diff(model.starts(observed), axis=1), frequencies)


def test_intervals_are_the_symbols_of_every_part(monkeypatch):
    monkeypatch.setattr("vqvae_jax.msvqvae.indices.context_model.AT_ONCE", 7 * CODES)
    model, observed = random_context_model(CODES), anything(50, CODES)
    assert len(parts(observed, CODES)) == 8
    symbols = np.random.default_rng(1).integers(0, CODES, 50)
    begin, width = model.intervals(observed, symbols)
    starts = model.starts(observed)
    rows = np.arange(50)
    np.testing.assert_array_equal(begin, starts[rows, symbols])
    np.testing.assert_array_equal(begin + width, starts[rows, symbols + 1])


@pytest.mark.parametrize("name", ARRAYS._fields)
def test_an_array_of_another_type_shape_or_size_is_named(name):
    array = getattr(ARRAYS, name)
    for wrong in (array.astype(np.int64), array[..., :-1], array[None], array[:0], array.ravel()[0].reshape(())):
        with pytest.raises(UserError, match="context model"):
            check_arrays(ARRAYS._replace(**{name: wrong}))
    with pytest.raises(UserError, match=f"{name} is float32"):
        check_arrays(ARRAYS._replace(**{name: array.astype(np.float32)}))


def test_impossible_numbers_are_named():
    repeat, activity = ARRAYS.repeat.copy(), ARRAYS.activity.copy()
    repeat[7], activity[3] = 0, 8
    with pytest.raises(UserError, match="probability 0"):
        ContextModel(ARRAYS._replace(repeat=repeat))
    with pytest.raises(UserError, match="activity points beyond the 8"):
        ContextModel(ARRAYS._replace(activity=activity))
    with pytest.raises(UserError, match="more than float32 counts"):
        ContextModel(ARRAYS._replace(bias=np.full_like(ARRAYS.bias, -(2**31))))
    with pytest.raises(UserError, match="129 hidden units"):
        ContextModel(random_contexts(CODES, hidden=129))
    with pytest.raises(UserError, match="32769 codes are more"):
        ContextModel(random_contexts(32769, hidden=1))
