"""Freed memory is kept: what comes next touches pages that are there."""

import subprocess
import sys

import pytest

#: Page faults of ten arrays of 64 MiB, made, filled and freed one after the other.
PROGRAM = """
import resource, sys
import numpy as np
from vqvae_jax.allocator import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "kept" else None
np.full(2**23, 1.0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.full(2**23, 1.0)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(how):
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


def test_pages_are_not_asked_for_twice():
    kept, few = run("kept")
    if not kept:
        pytest.skip("this system's C library is not glibc")
    assert few < 100 < run("returned")[1]
