"""A thousand damaged files; `python -m benchmarks.fuzz` takes twenty times as many."""

import random
import time
import tracemalloc
from collections import Counter

from tests.codec.fuzzing import OUTCOMES, check_pictures, mutant, originals, outcome

FILES = 1000
SECONDS, BYTES = 5, 100_000_000  # for one file


def test_a_thousand_mutated_files_end_in_one_line_or_in_indices(tmp_path):
    rng, path = random.Random(31), tmp_path / "mutant.msv"
    known = originals()
    counts = {False: Counter(), True: Counter()}
    slowest = 0.0
    tracemalloc.start()
    for number in range(FILES):
        original, mended = known[number % len(known)], number // len(known) % 2 == 1
        path.write_bytes(mutant(original, rng, mended))
        began = time.process_time()
        counts[mended][outcome(original, path, mended)] += 1
        slowest = max(slowest, time.process_time() - began)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert slowest < SECONDS and peak < BYTES
    # A fuzzer that is always refused tests the header only.
    for by_outcome in counts.values():
        assert sum(by_outcome.values()) >= FILES * 0.49
    assert all(counts[True][name] > 10 for name in OUTCOMES), counts


def test_mutated_files_that_decode_give_pictures_of_the_stated_size(tmp_path):
    rng, path = random.Random(32), tmp_path / "mutant.msv"
    original = next(known for known in originals() if known.name == "range")
    for _ in range(60):
        path.write_bytes(mutant(original, rng, mended=True))
        check_pictures(original, path)
