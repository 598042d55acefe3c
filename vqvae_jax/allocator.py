"""Memory that stays with the process: XLA on a CPU maps and unmaps its buffers at every call otherwise."""

import ctypes
import sys

# Of glibc's malloc.h: option and value.
_MMAP_MAX, _TRIM_THRESHOLD, _ARENA_MAX = (-4, 0), (-1, 2**31 - 1), (-8, 1)


def keep_freed_memory() -> bool:
    """Has glibc keep what is freed for what is allocated next; whether it will.

    To be called before threads are started. A train step of `tiny` takes three quarters of the time for it, and the
    process half as much memory again (docs/results/speed.md). The process keeps its greatest size until it ends.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    return mallopt is not None and all(mallopt(*setting) == 1 for setting in (_MMAP_MAX, _TRIM_THRESHOLD, _ARENA_MAX))
