import itertools
import json

import numpy as np
import pytest

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream
from vqvae_jax.errors import ConfigError, UserError

PLAIN = {"batch_size": 4, "frames": 4, "flip": False}


def stream(folder, process_index=0, process_count=1, **fields):
    return open_stream(open_split(folder, "train"), PipelineConfig(**(PLAIN | fields)), process_index, process_count)


def records(batches):
    return [batch.records.tolist() for batch in batches]


@pytest.mark.parametrize("source", ["memory", "grain"])
def test_every_epoch_is_another_order_of_the_same_clips_and_drops_the_remainder(data_set, source):
    folder, train = data_set
    batches = list(itertools.islice(stream(folder, source=source), 10))
    first, second = np.concatenate(records(batches[:5])), np.concatenate(records(batches[5:]))
    assert len(set(first)) == len(set(second)) == 20
    assert (first != second).any()
    for batch in batches:
        assert batch.clips.dtype == np.uint8
        np.testing.assert_array_equal(batch.clips, train[batch.records])


@pytest.mark.parametrize("source", ["memory", "grain"])
@pytest.mark.parametrize("crop", [None, (1, 2)])
def test_a_restored_stream_goes_on_with_the_next_batch(data_set, source, crop):
    folder, _ = data_set
    straight = stream(folder, source=source, flip=True, crop=crop)
    for _ in range(7):
        next(straight)
    state = json.loads(json.dumps(straight.get_state()))
    expected = [next(straight) for _ in range(3)]
    resumed = stream(folder, source=source, flip=True, crop=crop)
    next(resumed)  # also after it has already started
    resumed.set_state(state)
    for want in expected:
        got = next(resumed)
        np.testing.assert_array_equal(got.records, want.records)
        np.testing.assert_array_equal(got.clips, want.clips)
    assert resumed.get_state() == straight.get_state()


def test_memory_and_grain_give_the_same_batches(data_set):
    folder, _ = data_set
    both = zip(stream(folder, source="memory", flip=True), stream(folder, source="grain", flip=True), strict=False)
    for memory, grain in itertools.islice(both, 8):
        np.testing.assert_array_equal(memory.clips, grain.clips)
        np.testing.assert_array_equal(memory.records, grain.records)


def test_the_parts_of_two_processes_are_the_batch_of_one(data_set):
    folder, _ = data_set
    whole = stream(folder, flip=True)
    parts = [stream(folder, process_index=p, process_count=2, flip=True) for p in range(2)]
    for _ in range(7):
        batch, halves = next(whole), [next(p) for p in parts]
        # Neighbours stay together, as on the devices, so that level dropout falls on the same clips.
        np.testing.assert_array_equal(np.concatenate([h.clips for h in halves]), batch.clips)
    assert parts[1].get_state() == whole.get_state()


def test_another_seed_gives_another_order(data_set):
    folder, _ = data_set
    assert records(itertools.islice(stream(folder), 3)) != records(itertools.islice(stream(folder, seed=1), 3))


@pytest.mark.parametrize("field, value", [("seed", 1), ("batch_size", 2), ("flip", True), ("crop", (1, 1))])
def test_a_state_of_other_options_is_refused_by_name(data_set, field, value):
    folder, _ = data_set
    with pytest.raises(UserError, match=field):
        stream(folder).set_state(stream(folder, **{field: value}).get_state())


def test_options_that_do_not_fit_the_split_are_refused(data_set):
    folder, _ = data_set
    with pytest.raises(ConfigError, match="23 clips"):
        stream(folder, batch_size=24)
    with pytest.raises(ConfigError, match="4 frames"):
        stream(folder, frames=5)
    with pytest.raises(ConfigError, match="temporal_jitter"):
        stream(folder, temporal_jitter=True)
    with pytest.raises(ConfigError, match=r"data.crop=\(999, 1\) is more than"):
        stream(folder, crop=(999, 1))
    with pytest.raises(ConfigError, match=r"data.crop=\(0, 1\)"):
        PipelineConfig(crop=(0, 1))
    with pytest.raises(ConfigError, match="multiple of 3"):
        stream(folder, process_count=3)
    with pytest.raises(ConfigError, match="on_corrupt='ignore'"):
        PipelineConfig(on_corrupt="ignore")
