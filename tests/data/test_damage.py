"""Data sets that are missing, foreign, cut or altered."""

import itertools
import json
import os

import numpy as np
import pytest
from example_clips import random_clips, write_npy, write_shards

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream
from vqvae_jax.data.stream import spread_clips
from vqvae_jax.errors import ConfigError, UserError

SHARD_1 = "clips-train.array_record-00001-of-00003"  # records 5 to 9 of 15


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path / "data", {"train": random_clips(15, (4, 16, 16, 3))})


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def batches(folder, count, **options):
    config = PipelineConfig(**({"batch_size": 3, "frames": 4, "flip": False, "source": "memory"} | options))
    stream = open_stream(open_split(folder, "train"), config)
    try:
        return list(itertools.islice(stream, count)), stream
    finally:
        stream.close()


def test_a_missing_or_empty_split_names_those_that_exist(data_set):
    folder, _ = data_set
    with pytest.raises(UserError, match=r"'valid'.* does not exist; .*train \(23 clips\), test \(3 clips\)"):
        open_split(folder, "valid")
    with pytest.raises(UserError, match=r"'val'.* is empty; .*train \(23 clips\)"):
        open_split(folder, "val")


def test_missing_and_foreign_folders_and_cards_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        open_split(tmp_path / "nothing", "train")
    with pytest.raises(UserError, match=r"no card.json \(found: nothing\)"):
        open_split(tmp_path, "train")
    for splits in ([], {"train": 3}, {"train": {"clips": "x", "digest": ""}}, {"train": {"clips": 1, "digest": ""}}):
        (tmp_path / "card.json").write_text(json.dumps({"format": "npy", "splits": splits}))
        with pytest.raises(UserError, match="splits must hold"):
            open_split(tmp_path, "train")
    for text in ("{", "[]", "{}", '{"format": "tar"}'):
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(UserError):
            open_split(tmp_path, "train")


@pytest.mark.parametrize("source", ["memory", "grain"])
def test_a_cut_shard_stops_with_its_name(shards, source):
    cut(shards / SHARD_1)
    with pytest.raises(UserError, match=f"{SHARD_1}.*cut or damaged"):
        batches(shards, 5, source=source)


@pytest.mark.parametrize("source, workers", [("memory", 0), ("grain", 0), ("grain", 2)])
def test_a_cut_shard_is_skipped_and_counted_if_asked(shards, source, workers):
    cut(shards / SHARD_1)
    got, stream = batches(shards, 5, source=source, workers=workers, on_corrupt="skip")
    records = set(np.concatenate([b.records for b in got]).tolist())
    assert sorted(stream.skipped) == [5, 6, 7, 8, 9]
    assert all(SHARD_1 in reason for reason in stream.skipped.values())
    assert records == {*range(5), *range(10, 15)}
    assert stream.get_state()["position"] == 15


def test_codebooks_start_from_readable_clips_if_asked(shards):
    cut(shards / SHARD_1)
    clips, want = open_split(shards, "train"), random_clips(15, (4, 16, 16, 3))
    options = {"batch_size": 5, "frames": 3}
    with pytest.raises(UserError, match=f"{SHARD_1}.*--data.on-corrupt skip"):
        spread_clips(clips, PipelineConfig(**options))
    got = spread_clips(clips, PipelineConfig(**options, on_corrupt="skip"))
    np.testing.assert_array_equal(got, want[[0, 3, 10, 10, 12], :3])


def test_if_no_record_can_be_read_skipping_ends_in_an_error(shards):
    for path in shards.glob("clips-*"):
        cut(path)
    with pytest.raises(UserError, match="array_record"):
        batches(shards, 1, on_corrupt="skip")


def test_a_missing_shard_is_named(shards):
    (shards / SHARD_1).unlink()
    with pytest.raises(UserError, match=f"{SHARD_1} is missing"):
        open_split(shards, "train")


def test_flipped_bytes_in_a_shard_are_found_or_harmless(shards):
    want = open_split(shards, "train").read(range(5, 10))
    whole = (shards / SHARD_1).read_bytes()
    found = 0
    for position in range(64, len(whole), 997):
        content = bytearray(whole)
        content[position] ^= 0x10
        (shards / SHARD_1).write_bytes(bytes(content))
        try:
            np.testing.assert_array_equal(open_split(shards, "train").read(range(5, 10)), want)
        except UserError as error:
            assert SHARD_1 in str(error)
            found += 1
    assert found >= 5


def test_shards_that_contradict_the_card_are_refused(shards):
    card = json.loads((shards / "card.json").read_text())
    card["splits"]["train"]["clips"] = 16
    (shards / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"counts 16 clips .* the shards 15"):
        open_split(shards, "train")


@pytest.mark.parametrize("content", ["cut", "empty", "text", "float", "object"])
def test_a_damaged_npy_file_is_named(tmp_path, content):
    folder = write_npy(tmp_path / "data", {"train": random_clips(6)})
    path = folder / "train.npy"
    if content == "cut":
        cut(path)
    elif content == "float":
        np.save(path, np.zeros((6, 4, 8, 8, 3), np.float32))
    elif content == "object":
        np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(b"" if content == "empty" else b"not an array")
    with pytest.raises(UserError, match=r"train\.npy"):
        open_split(folder, "train")


def test_longer_records_give_shorter_clips_and_jitter_moves_them(tmp_path):
    train = random_clips(12, (6, 8, 8, 3))
    folder = write_npy(tmp_path / "data", {"train": train})
    for batch in batches(folder, 8)[0]:
        np.testing.assert_array_equal(batch.clips, train[batch.records, :4])
    starts = set()
    for batch in batches(folder, 8, temporal_jitter=True)[0]:
        for clip, record in zip(batch.clips, batch.records, strict=True):
            starts |= {s for s in range(3) if (clip == train[record, s : s + 4]).all()}
    assert starts == {0, 1, 2}
    with pytest.raises(ConfigError, match="have 6 frames"):
        batches(folder, 1, frames=7)


def test_a_split_larger_than_the_memory_is_refused_before_it_is_read(shards, monkeypatch):
    monkeypatch.setattr("vqvae_jax.data.memory.free_memory", lambda: 1000)
    with pytest.raises(UserError, match=r"GiB decoded.*grain"):
        batches(shards, 1)
    assert len(batches(shards, 1, source="auto")[0]) == 1  # through Grain
