"""The coder against an unbounded integer, another renormalisation rule and the tables' cross-entropy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.msvqvae.indices.reference_decoder import SymbolReader, stream_of
from vqvae_jax.entropy.rans import LOWEST, SCALE, CorruptStreamError, check_end, encode, split

cuts = st.lists(st.integers(1, SCALE - 1), min_size=1, max_size=30, unique=True).map(lambda c: [0, *sorted(c), SCALE])


def intervals_of(starts: list[int], symbols: list[int]) -> list[tuple[int, int]]:
    return [(starts[s], starts[s + 1] - starts[s]) for s in symbols]


def encoded(intervals: list[tuple[int, int]]) -> bytes:
    return encode([start for start, _ in intervals], [frequency for _, frequency in intervals])


@settings(max_examples=200)
@given(cuts, st.data())
def test_bytes_are_those_of_the_reference_and_read_back(starts, data):
    symbols = data.draw(st.lists(st.integers(0, len(starts) - 2), max_size=200))
    intervals = intervals_of(starts, symbols)
    stream = encoded(intervals)
    assert stream == stream_of(intervals)
    reader = SymbolReader(stream)
    frequencies = np.diff(starts).tolist()
    assert [reader.symbol(frequencies) for _ in symbols] == symbols
    assert (reader.state, reader.rest) == (LOWEST, b"")


def test_a_stream_is_as_long_as_one_unbounded_integer_without_renormalisation():
    rng = np.random.default_rng(1)
    starts = [0, 1, 2, 5000, 5001, 40000, 65535, SCALE]
    intervals = intervals_of(starts, rng.integers(0, 7, 3000).tolist())
    number = LOWEST
    for start, frequency in reversed(intervals):
        number = (number // frequency << 16) + number % frequency + start
    bits = 8 * len(encoded(intervals))
    # The lowest state is 24 bits long and up to 39 of the final one are stored as 40; the rest is rounding.
    assert number.bit_length() - 1 <= bits <= number.bit_length() * 1.002 + 48


@pytest.mark.parametrize("power", [0.0, 1.0, 3.0, 8.0])
def test_a_long_stream_is_within_0_2_percent_and_6_bytes_of_the_cross_entropy(power):
    weights = np.arange(1, 257, dtype=np.float64) ** -power
    frequencies = np.maximum(1, np.floor(weights / weights.sum() * (SCALE - 256))).astype(np.int64)
    frequencies[0] += SCALE - frequencies.sum()
    symbols = np.random.default_rng(2).choice(256, 60_000, p=frequencies / SCALE)
    starts = np.concatenate([[0], np.cumsum(frequencies)]).tolist()
    ideal = sum(16 - math.log2(frequencies[s]) for s in symbols.tolist()) / 8
    size = len(encoded(intervals_of(starts, symbols.tolist())))
    assert ideal <= size <= ideal * 1.002 + 6


def test_no_symbols_are_five_bytes():
    assert encode([], []) == bytes([0, 0, 0, 1, 0])
    assert split(bytes([0, 0, 0, 1, 0])) == (LOWEST, [])


def test_a_certain_symbol_takes_no_bits():
    assert encode([0] * 1000, [SCALE] * 1000) == encode([], [])


def test_words_are_little_endian_in_reading_order():
    assert split(bytes([1, 2, 3, 4, 5, 0x34, 0x12, 0x78, 0x56])) == (0x0504030201, [0x1234, 0x5678])


@pytest.mark.parametrize("stream", [b"", b"\xff" * 4, b"\xff" * 6, b"\xff\xff\xff\x00\x00"])
def test_a_stream_that_no_encoder_ends_with_is_refused(stream):
    with pytest.raises(CorruptStreamError):
        split(stream)


@pytest.mark.parametrize(("state", "read", "words"), [(LOWEST + 1, 3, 3), (LOWEST, 2, 3)])
def test_another_end_than_the_encoders_beginning_is_refused(state, read, words):
    check_end(LOWEST, 3, 3)
    with pytest.raises(CorruptStreamError, match="does not end"):
        check_end(state, read, words)
