"""Dividing videos into train, validation and test: within every class, by group or by video."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data_prep.config import PrepConfig
from vqvae_jax.data.apportion import largest_remainder

SPLITS = ("train", "validation", "test")


class Member(NamedTuple):
    """What the split needs to know of a video."""

    name: str
    label: str
    group: str
    number: int | None
    clips: int


class Division(NamedTuple):
    """A split for every video."""

    split_of: dict[str, str]  # video name -> train, validation or test
    warnings: list[str]


def divide(members: Sequence[Member], config: PrepConfig) -> Division:
    """Divides videos; depends on their names, clip counts and the seed only, not on their order."""
    warnings: list[str] = []
    split_of: dict[str, str] = {}
    test_groups = config.numbered_test_groups
    shares = dict(zip(SPLITS, config.ratios, strict=True))
    if test_groups is not None:
        shares["test"] = 0.0
        unnumbered = sum(m.number is None for m in members)
        if unnumbered:
            warnings.append(f"{unnumbered} videos have no group number (v_Class_gNN_cNN); none of them is in test")
    units: dict[str, dict[str, list[Member]]] = defaultdict(lambda: defaultdict(list))
    for m in members:
        if test_groups is not None and m.number in test_groups:
            split_of[m.name] = "test"
        else:
            units[m.label][m.name if config.split == "video" else m.group].append(m)
    for label in sorted(units):
        clips = {unit: sum(m.clips for m in videos) for unit, videos in units[label].items()}
        needed = sum(share > 0 for share in shares.values())
        if len(clips) < needed:
            what = "video" if config.split == "video" else "group"
            count = f"{len(clips)} {what}{'s' if len(clips) > 1 else ''}"
            instead = "" if config.split == "video" else "; --split video splits by videos"
            warnings.append(f"class {label!r} has {count}, fewer than {needed}: all of it is in train{instead}")
            placed = dict.fromkeys(clips, "train")
        else:
            placed = _fill(clips, shares, f"{config.seed}\0{label}")
        split_of |= {m.name: placed[unit] for unit, videos in units[label].items() for m in videos}
    return Division(split_of, warnings)


def _fill(clips: Mapping[str, int], shares: Mapping[str, float], seed: str) -> dict[str, str]:
    """Places units, in an order drawn from `seed`, each where most clips are missing to the quota.

    Every split with a share gets at least one unit; there must be as many units as such splits.
    """
    wanted = [name for name, share in shares.items() if share > 0]
    missing = largest_remainder(sum(clips.values()), shares)
    placed: dict[str, str] = {}
    for unit in sorted(clips, key=lambda u: hashlib.sha256(f"{seed}\0{u}".encode()).digest()):
        placed[unit] = max(wanted, key=lambda name: missing[name])
        missing[placed[unit]] -= clips[unit]
    for name in wanted:
        if name not in placed.values():
            # From the split that can spare one, the smallest unit: it disturbs the quotas least.
            held = {split: [u for u in placed if placed[u] == split] for split in wanted}
            donor = max(wanted, key=lambda split: len(held[split]))
            placed[min(held[donor], key=lambda u: clips[u])] = name
    return placed
