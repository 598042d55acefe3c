"""Totals of 24 bits, numbers of any size, distributions that are never written out: round trips and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqvae_jax.entropy.rans import CorruptStreamError, Reader, encode, excess_intervals, split

BITS = st.sampled_from([16, 24])


@st.composite
def tables_and_symbols(draw, least=0):
    bits = draw(BITS)
    cuts = sorted(draw(st.sets(st.integers(1, 2**bits - 1), min_size=1, max_size=30)))
    starts = [0, *cuts, 2**bits]
    return bits, starts, draw(st.lists(st.integers(0, len(cuts)), min_size=least, max_size=200))


def coded(starts, symbols, bits):
    return encode([starts[s] for s in symbols], [starts[s + 1] - starts[s] for s in symbols], bits)


@settings(max_examples=200, deadline=None)
@given(tables_and_symbols())
def test_symbols_come_back_and_the_stream_is_an_unbounded_integers(case):
    bits, starts, symbols = case
    stream = coded(starts, symbols, bits)
    reader = Reader(stream, bits)
    assert [reader.symbol(starts.__getitem__, 0, len(starts) - 1) for _ in symbols] == symbols
    reader.check_end()
    number = 1 << bits + 8
    for s in reversed(symbols):
        frequency = starts[s + 1] - starts[s]
        number = (number // frequency << bits) + number % frequency + starts[s]
    # Renormalising cuts what lies beyond the state off: a 256th of a unit each time at most.
    assert number.bit_length() - 1 <= 8 * len(stream) <= number.bit_length() + 0.01 * len(symbols) + 2 * bits + 16


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**40), max_size=30), BITS)
def test_numbers_of_any_size_come_back(values, bits):
    pairs = [pair for value in values for pair in excess_intervals(value, bits)]
    # Twice the logarithm to base 2 and one bit more.
    assert len(pairs) == sum(2 * math.floor(math.log2(value + 1)) + 1 for value in values)
    reader = Reader(encode([s for s, _ in pairs], [f for _, f in pairs], bits), bits)
    assert [reader.excess() for _ in values] == values
    reader.check_end()


def test_a_distribution_is_asked_for_no_more_sums_than_a_search_needs():
    asked = []

    def cumulative(k):
        asked.append(k)
        return k * 2**11 + 2**23  # of 8192 symbols

    stream = encode([4097 * 2**11], [2**11], 24)
    assert Reader(stream, 24).symbol(cumulative, -4096, 4096) == 1
    assert len(asked) <= math.log2(8192) + 2


def test_a_likely_symbol_of_24_bits_costs_what_it_should_where_16_bits_cannot():
    for bits, bound in ((24, 1.001), (16, 1.3)):
        rare = max(round(2**bits * 1e-5), 1)
        starts = [0, 2**bits - rare, 2**bits]
        symbols = [0] * 400_000
        for at in range(0, 400_000, 100_000):
            symbols[at] = 1
        ideal = 4 * -math.log2(1e-5) - (400_000 - 4) * math.log2(1 - 1e-5)
        size = 8 * len(coded(starts, symbols, bits)) - 2 * bits - 8
        assert size <= bound * ideal + 2 * bits


@pytest.mark.parametrize("power", [0.0, 3.0, 8.0])
def test_a_long_stream_is_within_0_1_percent_of_the_cross_entropy(power):
    weights = np.arange(1, 257, dtype=np.float64) ** -power
    frequencies = np.maximum(1, np.floor(weights / weights.sum() * (2**24 - 256))).astype(np.int64)
    frequencies[0] += 2**24 - frequencies.sum()
    symbols = np.random.default_rng(2).choice(256, 60_000, p=frequencies / 2**24).tolist()
    starts = [0, *np.cumsum(frequencies).tolist()]
    ideal = sum(24 - math.log2(frequencies[s]) for s in symbols) / 8
    assert ideal <= len(coded(starts, symbols, 24)) <= ideal * 1.001 + 7


def test_no_symbols_are_seven_bytes_and_words_have_three():
    assert encode([], [], 24) == bytes([0, 0, 0, 0, 1, 0, 0])
    assert split(bytes([1, 2, 3, 4, 5, 6, 7, 0x56, 0x34, 0x12]), 24) == (0x07060504030201, [0x123456])


@pytest.mark.parametrize("stream", [b"", b"\xff" * 6, b"\xff" * 8, b"\xff\xff\xff\xff\0\0\0"])
def test_a_stream_that_no_encoder_ends_with_is_refused(stream):
    with pytest.raises(CorruptStreamError):
        split(stream, 24)


@settings(max_examples=100, deadline=None)
@given(tables_and_symbols(least=20), st.data())
def test_a_stream_cut_short_or_longer_is_refused(case, data):
    bits, starts, symbols = case
    stream = coded(starts, symbols, bits)
    size = data.draw(st.integers(0, len(stream) + 6).filter(lambda n: n != len(stream)))
    with pytest.raises(CorruptStreamError):
        reader = Reader((stream + bytes(6))[:size], bits)
        for _ in symbols:
            reader.symbol(starts.__getitem__, 0, len(starts) - 1)
        reader.check_end()


def test_a_number_without_end_is_refused():
    zeros = encode([0] * 60, [2**15] * 60)
    with pytest.raises(CorruptStreamError, match="without end"):
        Reader(zeros).excess()
    with pytest.raises(ValueError, match="too large"):
        list(excess_intervals(2**41))
