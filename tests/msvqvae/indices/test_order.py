"""Every position once, group by group, and only what a decoder has already."""

import numpy as np
import pytest

from vqvae_jax.msvqvae.indices.order import (
    AROUND,
    BEFORE,
    NEIGHBOURS,
    group_positions,
    neighbours,
    observe,
    padded,
    reading_order,
    unknown_grid,
)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (4, 1), (4, 6), (5, 7)])
def test_groups_hold_every_position_once_and_no_two_neighbours(height, width):
    groups = group_positions(height, width)
    order = reading_order(height, width)
    assert sorted(order) == list(range(height * width))
    assert [len(group) for group in groups] == [
        -(-height // 2) * -(-width // 2),
        (height // 2) * (width // 2),
        -(-height // 2) * (width // 2),
        (height // 2) * -(-width // 2),
    ]
    for positions in groups:
        rows, columns = positions // (width + 2), positions % (width + 2)
        far = np.maximum(abs(rows[:, None] - rows), abs(columns[:, None] - columns)) + 9 * np.eye(len(rows), dtype=int)
        assert far.min(initial=9) >= 2


def test_neighbours_are_those_at_their_offsets_and_unknown_beyond_the_border():
    grid = np.arange(12).reshape(3, 4)
    now, before, earlier = padded(grid, 99), padded(grid + 20, 99), padded(grid + 40, 99)
    (middle,) = neighbours(now, before, earlier, np.array([2 * 6 + 2]), 4)  # row 1, column 1
    assert middle.tolist() == [25, 21, 24, 26, 29, 45, 0, 1, 2, 4, 6, 8, 9, 10]
    (corner,) = neighbours(now, before, earlier, np.array([1 * 6 + 1]), 4)
    assert corner.tolist() == [20, 99, 99, 21, 24, 40, 99, 99, 99, 99, 1, 99, 4, 5]
    assert len(middle) == NEIGHBOURS == len(BEFORE) + 1 + len(AROUND)
    assert (unknown_grid(3, 4, 7) == 7).all() and len(unknown_grid(3, 4, 7)) == len(now)


def test_a_decoder_is_told_of_repeats_and_of_earlier_groups_only():
    first = np.arange(9).reshape(3, 3)
    second = first.copy()
    second[0, 0], second[1, 1], second[0, 1] = 20, 21, 22  # of groups 0, 1 and 2
    observed, symbols, steps = observe(np.stack([first, second]), np.full((1, 1, 1), 5), 30, 8)
    assert symbols.tolist() == [0, 2, 6, 8, 4, 1, 7, 3, 5, 20, 21, 22]
    assert steps.tolist() == [0] * 9 + [1] * 3 and observed.first.tolist() == [True] * 9 + [False] * 3
    assert observed.group.tolist() == [0, 0, 0, 0, 1, 2, 2, 3, 3, 0, 1, 2] and set(observed.coarse) == {5}
    around = observed.neighbours[:, len(BEFORE) + 1 :]
    assert set(around[0]) == {30}  # nothing is known yet
    assert around[4].tolist() == [0, 30, 2, 30, 30, 6, 30, 8]  # the middle knows its corners
    assert around[9].tolist() == [30, 30, 30, 30, 30, 30, 3, 30]  # of three neighbours one repeats
    assert around[10].tolist() == [20, 30, 2, 3, 5, 6, 7, 8]  # 22 comes later
    assert around[11].tolist() == [30, 30, 30, 20, 2, 3, 21, 5]
    assert observed.neighbours[9:, 0].tolist() == [0, 4, 1] and set(observed.neighbours[:, len(BEFORE)]) == {30}


def test_all_indices_can_be_asked_for_as_if_they_had_changed():
    grid = np.zeros((2, 3, 3), int)
    observed, symbols, steps = observe(grid, None, 4, 0, changed_only=False)
    assert len(symbols) == 18 and steps.tolist() == [0] * 9 + [1] * 9
    assert set(observed.neighbours[9:, len(BEFORE) + 1 :].ravel()) == {0, 4}  # 4 beyond the border only
    assert (observed.neighbours[9:, len(BEFORE) + 1 :] == 4).sum() == 4 * 5 + 4 * 3
    assert set(observed.coarse) == {0}
