"""Whole numbers in given proportions."""

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")


def largest_remainder(total: int, shares: Mapping[K, float]) -> dict[K, int]:
    """Whole numbers in proportion to `shares` that add up to `total` (Hare quota, ties to the earlier name)."""
    whole = sum(shares.values())
    exact = {name: total * share / whole for name, share in shares.items()}
    quota = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: quota[name] - exact[name])
    for name in by_remainder[: total - sum(quota.values())]:
        quota[name] += 1
    return quota
