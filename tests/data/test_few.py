"""Evenly spread clips of a split stand in for it."""

import numpy as np
import pytest

from tests.data.example_clips import random_clips, write_npy
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import few


@pytest.fixture
def split(tmp_path):
    return open_split(write_npy(tmp_path / "data", {"test": random_clips(7)}), "test")


def test_three_of_seven_are_spread_over_all(split):
    some = few(split, 3)
    assert len(some) == 3
    assert some.ids(range(3)) == ["v_0", "v_2", "v_4"]
    np.testing.assert_array_equal(some.read([2, 0]), split.read([4, 0]))
    assert (some.digest, some.split, some.clip_shape) == (split.digest, "test", (4, 8, 8, 3))


@pytest.mark.parametrize("count", [0, 7, 100])
def test_none_asked_for_or_more_than_there_are_means_all(split, count):
    assert few(split, count) is split
