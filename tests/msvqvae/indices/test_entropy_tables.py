"""Tables that contradict themselves are refused by name."""

import numpy as np
import pytest

from tests.msvqvae.indices.example_tables import random_arrays
from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.pair_tables import LevelTables, check_arrays

ARRAYS = random_arrays(20, 4, 0)


@pytest.mark.parametrize("name", ARRAYS._fields)
def test_an_array_of_another_type_shape_or_size_is_named(name):
    array = getattr(ARRAYS, name)
    for wrong in (array.astype(np.int64), array[..., :-1], array[None], array[:0], array.ravel()[0].reshape(())):
        with pytest.raises(UserError, match="entropy tables"):
            check_arrays(ARRAYS._replace(**{name: wrong}))
    with pytest.raises(UserError, match=f"{name} is float32"):
        check_arrays(ARRAYS._replace(**{name: array.astype(np.float32)}))


@pytest.mark.parametrize(("name", "value"), [("activity", 8), ("previous_rows", 4), ("first_rows", 4)])
def test_a_number_beyond_what_it_points_to_is_named(name, value):
    array = getattr(ARRAYS, name).copy()
    array[-1] = value
    with pytest.raises(UserError, match=f"{name} points beyond the {value}"):
        LevelTables(ARRAYS._replace(**{name: array}))


def test_an_impossible_repeat_is_refused():
    repeat = ARRAYS.repeat.copy()
    repeat[7] = 0
    with pytest.raises(UserError, match="probability 0"):
        LevelTables(ARRAYS._replace(repeat=repeat))


def test_rows_for_decoding_are_those_that_encoding_uses():
    tables = LevelTables(ARRAYS)

    def row(flat, context):
        offset = flat.offsets[context]
        return flat.starts[offset : offset + 21].tolist()

    for code in range(20):
        assert row(tables.given_previous, code) == tables.previous_starts[int(ARRAYS.previous_rows[code])].tolist()
        assert row(tables.given_previous, code)[-1] == SCALE
    for neighbour in range(21):
        expected = tables.first_starts[int(ARRAYS.first_rows[neighbour])].tolist()
        assert row(tables.given_neighbour, neighbour) == expected
