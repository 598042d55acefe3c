"""Several data sets as one stream: shares, coverage, and exact resumption."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest

from tests.data.example_clips import random_clips, write_npy, write_shards
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_sets, open_split, open_stream
from vqvae_jax.data.order import Mixture, WeightedOrder
from vqvae_jax.errors import ConfigError, UserError


@pytest.fixture(params=["npy", "shards"])
def folders(request, tmp_path):
    """A data set of 6 clips and one of 14."""
    write = {"npy": write_npy, "shards": write_shards}[request.param]
    return [write(tmp_path / name, {"train": random_clips(n, seed=n)}) for name, n in (("a", 6), ("b", 14))]


def stream(folders, weights=None, **fields):
    config = PipelineConfig(**({"batch_size": 5, "frames": 4, "flip": True} | fields))
    return open_stream(open_sets(folders, "train", weights), config)


def test_without_weights_all_clips_come_once_an_epoch(folders):
    batches = list(itertools.islice(stream(folders, flip=False), 4))
    assert sorted(np.concatenate([b.records for b in batches])) == list(range(20))
    clips = open_sets(folders, "train")
    a, b = (open_split(folder, "train") for folder in folders)
    assert clips.ids([0, 6, 19]) == a.ids([0]) + b.ids([0, 13])
    np.testing.assert_array_equal(clips.read(range(20)), np.concatenate([a.read(range(6)), b.read(range(14))]))
    for batch in batches:
        np.testing.assert_array_equal(batch.clips, clips.read(batch.records))


def test_weights_are_exact_over_a_block_and_each_set_goes_through_all_of_its_clips():
    order = WeightedOrder(Mixture((6, 14), (3.0, 1.0)), seed=7)
    records = [order.record_at(position) for position in range(2000)]
    for block in (records[:1000], records[1000:]):
        assert sum(record < 6 for record in block) == 750
    for low, high in ((0, 6), (6, 20)):
        mine = [record for record in records if low <= record < high]
        rounds = [mine[at : at + high - low] for at in range(0, len(mine) - (high - low), high - low)]
        assert all(sorted(one) == list(range(low, high)) for one in rounds) and rounds[0] != rounds[1]
    # No long run without either set: the order within a block is a draw, not one set after the other.
    assert all(2 < Counter(record < 6 for record in records[at : at + 100])[False] < 60 for at in range(0, 2000, 100))


@pytest.mark.parametrize("source", ["memory", "grain"])
def test_a_restored_mixture_goes_on_with_the_next_batch(folders, source):
    straight = stream(folders, (1, 2), source=source)
    for _ in range(203):  # into the second block
        next(straight)
    state = json.loads(json.dumps(straight.get_state()))
    expected = [next(straight) for _ in range(3)]
    resumed = stream(folders, (1, 2), source=source)
    resumed.set_state(state)
    for want in expected:
        got = next(resumed)
        np.testing.assert_array_equal(got.records, want.records)
        np.testing.assert_array_equal(got.clips, want.clips)
    for other in (stream(folders, (2, 1)), stream(folders[::-1], (1, 2)), stream(folders)):
        with pytest.raises(UserError, match="cannot resume: the checkpoint's data stream has digest="):
            other.set_state(state)


def test_mixtures_that_make_no_sense_are_refused(folders, tmp_path):
    with pytest.raises(UserError, match=r"weights \[1\]: expected 2 numbers above 0"):
        open_sets(folders, "train", (1,))
    with pytest.raises(UserError, match=r"expected 2 numbers above 0"):
        open_sets(folders, "train", (1, 0))
    with pytest.raises(ConfigError, match="that of set 2 is less than one in 1000"):
        stream(folders, (10_000, 1))
    other = write_npy(tmp_path / "c", {"train": random_clips(3, (4, 8, 16, 3))})
    with pytest.raises(UserError, match=r"are 4x8x8x3, those of .*c 4x8x16x3"):
        open_sets([folders[0], other], "train")
