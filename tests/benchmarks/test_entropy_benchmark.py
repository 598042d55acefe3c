"""The entropy benchmark's peers code what they are given, and a coder that does not is found out."""

import numpy as np
import pytest

from benchmarks.entropy import Coder, compare, lengths, shares, zero_order

CODES = {"top": 16, "bottom": 64}


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    top = [rng.binomial(15, 0.3, (2, 4, 4)).astype(np.int32) for _ in range(6)]
    bottom = [rng.geometric(0.2, (4, 8, 8)).clip(1, 64).astype(np.int32) - 1 for _ in range(6)]
    return [{"top": t, "bottom": b} for t, b in zip(top, bottom, strict=True)]


def test_zero_order_rans_gives_back_the_indices_at_their_entropy(clips):
    probabilities = shares(clips, CODES)
    rows = compare(clips, {"zero-order": zero_order(probabilities)}, repeats=1)
    bits = -sum(np.log2(probabilities[level][grid]).sum() for clip in clips for level, grid in clip.items())
    symbols = sum(grid.size for clip in clips for grid in clip.values())
    state = 8 * 5 * 2 * len(clips)  # the final state of each stream
    assert rows[0]["bits/symbol"] * symbols == pytest.approx(bits + state, rel=0.02)


def test_constriction_gives_back_the_indices_at_their_entropy(clips):
    pytest.importorskip("constriction", reason="an optional peer")
    from benchmarks.entropy import constriction_coder

    probabilities = shares(clips, CODES)
    ours, theirs = compare(
        clips, {"ours": zero_order(probabilities), "it": constriction_coder(probabilities)}, repeats=1
    )
    assert theirs["ours / it, bits"] == pytest.approx(ours["bits/symbol"] / theirs["bits/symbol"])
    assert 0.9 < theirs["ours / it, bits"] < 1.1


def test_a_coder_that_loses_an_index_stops_the_benchmark(clips):
    right = zero_order(shares(clips, CODES))

    def decode(streams, shapes):
        return {level: np.where(grid == 3, 4, grid) for level, grid in right.decode(streams, shapes).items()}

    with pytest.raises(AssertionError, match="lossy: decoded indices are not those"):
        compare(clips, {"lossy": Coder(right.encode, decode, lengths)}, repeats=1)
