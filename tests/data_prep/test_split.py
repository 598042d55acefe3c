import dataclasses
import random
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.config import PrepConfig, ranges
from data_prep.split import SPLITS, Member, divide
from vqvae_jax.data.apportion import largest_remainder
from vqvae_jax.errors import ConfigError

CONFIG = PrepConfig(videos=Path("v"), out=Path("o"))
MEMBERS = st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 25), st.integers(1, 9)), min_size=1, max_size=80)


def members(rows):
    return [Member(f"v{i}", c, f"{c}/g{g:02d}", g, clips) for i, (c, g, clips) in enumerate(rows)]


def splits_of_groups(videos, division):
    found = defaultdict(set)
    for m in videos:
        found[m.group].add(division.split_of[m.name])
    return found


@given(MEMBERS, st.integers(0, 99), st.randoms())
def test_no_group_in_two_splits_and_no_dependence_on_order(rows, seed, rng):
    videos, config = members(rows), dataclasses.replace(CONFIG, seed=seed)
    division = divide(videos, config)
    assert division.split_of.keys() == {m.name for m in videos}
    assert all(len(splits) == 1 for splits in splits_of_groups(videos, division).values())
    shuffled = list(videos)
    rng.shuffle(shuffled)
    assert divide(shuffled, config) == division


@given(MEMBERS)
def test_every_class_of_three_groups_is_in_all_splits_and_smaller_ones_go_to_train_with_a_warning(rows):
    videos = members(rows)
    division = divide(videos, CONFIG)
    for label in {m.label for m in videos}:
        groups = {m.group for m in videos if m.label == label}
        splits = {division.split_of[m.name] for m in videos if m.label == label}
        assert splits == (set(SPLITS) if len(groups) >= 3 else {"train"})
        assert any(repr(label) in w for w in division.warnings) == (len(groups) < 3)


def test_shares_come_out_as_asked_on_a_set_like_ucf101():
    rng = random.Random(0)
    rows = [(f"C{c}", g, rng.randint(2, 9)) for c in range(20) for g in range(1, 26) for _ in range(5)]
    videos = members(rows)
    division = divide(videos, CONFIG)
    total = sum(m.clips for m in videos)
    for split, share in zip(SPLITS, CONFIG.ratios, strict=True):
        clips = sum(m.clips for m in videos if division.split_of[m.name] == split)
        assert abs(clips / total - share / 100) < 0.01
    other = divide(videos, dataclasses.replace(CONFIG, seed=1))
    assert other.split_of != division.split_of


def test_split_by_video_may_part_a_group():
    videos = members([("A", 1, 3)] * 40)
    assert set(divide(videos, dataclasses.replace(CONFIG, split="video")).split_of.values()) == set(SPLITS)


@pytest.mark.parametrize(
    ("options", "test"),
    [
        ({"split": "official-1"}, range(1, 8)),
        ({"split": "official-2"}, range(8, 15)),
        ({"split": "official-3"}, range(15, 22)),
        ({"test_groups": "3-5,9"}, (3, 4, 5, 9)),
    ],
)
def test_numbered_groups_are_test_and_no_others(options, test):
    videos = members([(c, g, 3) for c in "AB" for g in range(1, 26)])
    division = divide(videos, dataclasses.replace(CONFIG, **options))
    assert {m.number for m in videos if division.split_of[m.name] == "test"} == set(test)
    rest = [m for m in videos if m.number not in test]
    assert {division.split_of[m.name] for m in rest} == {"train", "validation"}


@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_largest_remainder_adds_up_and_is_within_one_of_the_exact_share(total, shares):
    quota = largest_remainder(total, {str(i): s for i, s in enumerate(shares)})
    assert sum(quota.values()) == total
    assert all(abs(quota[str(i)] - total * s / sum(shares)) < 1 + 1e-6 for i, s in enumerate(shares))


@pytest.mark.parametrize(
    "wrong",
    [
        {"test_groups": "7-3"},
        {"test_groups": "a"},
        {"test_groups": "1", "split": "video"},
        {"ratios": (0, 0, 0)},
        {"ratios": (1, -1, 1)},
        {"ratios": (float("nan"), 1, 1)},
        {"ratios": (0, 0, 1), "split": "official-1"},
        {"size": "0"},
        {"size": "64x"},
        {"fps": 0},
        {"hop": 0},
        {"frames": 4096, "size": "4096"},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        dataclasses.replace(CONFIG, **wrong)


@given(st.sets(st.integers(0, 60), min_size=1))
def test_ranges_name_the_groups_in_the_form_of_the_option(numbers):
    text = ranges(sorted(numbers))
    assert dataclasses.replace(CONFIG, test_groups=text).numbered_test_groups == numbers
    assert "-" in text or all(n + 1 not in numbers for n in numbers)
