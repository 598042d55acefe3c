"""Contexts of whole grids against one symbol at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.msvqvae.indices.example_tables import lingering
from tests.msvqvae.indices.reference_decoder import context_of
from vqvae_jax.msvqvae.indices.contexts import (
    ACTIVITIES,
    NONE,
    REPEAT_CONTEXTS,
    coarse_repeats,
    first_neighbours,
    repeat_contexts,
    repeats,
)

sides = st.integers(1, 5)


@settings(max_examples=100)
@given(st.tuples(sides, sides, sides), st.one_of(st.none(), st.tuples(sides, sides, sides)), st.integers(0, 1000))
def test_contexts_of_a_grid_are_those_found_symbol_by_symbol(shape, coarse_shape, seed):
    grid, activity = lingering(shape, 6, seed), np.random.default_rng(seed).integers(0, ACTIVITIES, 6)
    coarse = None if coarse_shape is None else lingering(coarse_shape, 4, seed + 1)
    found = repeat_contexts(grid, coarse_repeats(coarse, shape), activity.astype(np.uint8))
    assert found.shape == (shape[0] - 1, *shape[1:])
    coarse_list = None if coarse is None else coarse.tolist()
    for t, y, x in np.ndindex(found.shape):
        assert found[t, y, x] == context_of(t + 1, y, x, grid.tolist(), coarse_list, activity.tolist())


def test_the_highest_context_is_the_last_of_the_table():
    still = repeat_contexts(np.zeros((2, 1, 1), int), np.full((2, 1, 1), NONE), np.array([ACTIVITIES - 1], np.uint8))
    assert still.item() == REPEAT_CONTEXTS - 1


def test_small_indices_do_not_overflow():
    """uint8 classes and flags times 243 would wrap."""
    grid = np.zeros((3, 2, 2), np.uint16)
    contexts = repeat_contexts(grid, coarse_repeats(grid, grid.shape), np.array([7], np.uint8))
    assert contexts.min() >= 7 * 243


def test_a_flag_says_whether_the_index_is_that_of_the_step_before():
    assert repeats(np.array([[[1, 2]], [[1, 3]], [[2, 3]]])).tolist() == [[[1, 0]], [[0, 1]]]


@pytest.mark.parametrize("size", [3, 4])
def test_coarse_flags_are_doubled_and_cut_and_unknown_in_their_first_step(size):
    coarse = np.array([[[1, 1]], [[1, 2]]])
    found = coarse_repeats(coarse, (size, 2, size))
    row = [1, 1, 0, 0][:size]
    assert found.tolist() == [[[NONE] * size] * 2] * 2 + [[row] * 2] * (size - 2)


def test_the_first_step_looks_left_and_in_the_first_column_up():
    assert first_neighbours(np.array([[1, 2], [3, 4], [5, 6]]), 9).tolist() == [[9, 1], [1, 3], [3, 5]]
