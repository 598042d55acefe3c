"""CPU seconds, which other programs on the machine disturb less than wall clocks."""

import resource
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import jax


def cpu_seconds() -> float:
    """Used so far by all threads of this process and by its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def alternate_cpu(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each call; they take turns. As `report.alternate`, by another clock."""
    seconds: dict[str, list[float]] = {side: [] for side in calls}
    for _ in range(repeats):
        for side, call in calls.items():
            began = cpu_seconds()
            jax.block_until_ready(call())
            seconds[side].append(cpu_seconds() - began)
    return {side: statistics.median(times) for side, times in seconds.items()}
