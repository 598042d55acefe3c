"""Tables and streams of whole numbers: round trips, and lengths against the empirical entropy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.mvc.codec.stream import StreamReader, Writer, entropy_bits
from vqvae_jax.mvc.codec.tables import (
    COUNTED,
    MOST_LEVELS,
    NEVER,
    PARAMETRIC,
    UNIFORM,
    Table,
    best_table,
    unpack_table,
)

RNG = np.random.default_rng(0)


def coded(symbols, levels):
    """Description and stream."""
    table, writer = best_table(symbols, levels), Writer()
    writer.costs(table)
    writer.symbols(table, symbols, levels)
    return table.pack(), writer.stream()


def decoded(description, stream, count, levels):
    table, end = unpack_table(description, 0)
    assert end == len(description)
    reader = StreamReader(stream)
    symbols = reader.symbols(reader.costs(table, levels), (count,), levels)
    reader.check_end()
    return symbols


def drawn(name, count):
    normal = np.rint(RNG.normal(120, 30, count))
    return {
        "uniform": (RNG.integers(0, 256, count), 256),
        "gaussian": (np.clip(normal, 0, 255).astype(int), 256),
        "laplace": (np.clip(np.rint(RNG.laplace(60, 2, count)), 0, 127).astype(int), 128),
        "nearly always zero": (np.clip(np.rint(RNG.laplace(60, 0.12, count)), 0, 127).astype(int), 128),
        "skewed": (np.minimum(RNG.geometric(0.2, count) - 1, 63), 64),
        "one symbol": (np.full(count, 77), 128),
        "two far symbols": (RNG.choice([3, 200], count), 256),
    }[name]


@pytest.mark.parametrize("count", [0, 1, 50, 1000, 20_000])
@pytest.mark.parametrize(
    "name", ["uniform", "gaussian", "laplace", "nearly always zero", "skewed", "one symbol", "two far symbols"]
)
def test_length_is_within_1_percent_and_64_bytes_of_the_entropy(name, count):
    symbols, levels = drawn(name, count)
    description, stream = coded(symbols, levels)
    assert len(description) + len(stream) <= 1.01 * entropy_bits(symbols) / 8 + 64
    np.testing.assert_array_equal(decoded(description, stream, count, levels), symbols)


def test_the_entropy_is_that_of_the_formula():
    assert entropy_bits(np.array([5, 5, 5, 5])) == 0 == entropy_bits(np.array([], int))
    assert entropy_bits(np.array([0, 1, 2, 2])) == pytest.approx(2 * 2 + 2 * 1)


@pytest.mark.parametrize(("name", "kind"), [("uniform", UNIFORM), ("gaussian", 1), ("laplace", 2)])
def test_the_kind_of_a_distribution_is_found(name, kind):
    symbols, levels = drawn(name, 20_000)
    assert best_table(symbols, levels).kind == kind
    scrambled = RNG.permutation(levels)[symbols]
    assert best_table(scrambled, levels).kind == (UNIFORM if kind == UNIFORM else COUNTED)


tables = st.one_of(
    st.just(Table(UNIFORM)),
    st.builds(Table, st.sampled_from(sorted(PARAMETRIC)), st.integers(0, 64 * 300), st.integers(0, 160)),
    st.builds(
        lambda scale, costs: Table(COUNTED, 0, scale, (7, *costs)),
        st.integers(0, 160),
        st.lists(st.integers(0, NEVER), min_size=20, max_size=20),
    ),
)


@settings(max_examples=200, deadline=None)
@given(tables, st.data())
def test_any_table_codes_any_symbols_also_those_that_it_holds_for_impossible(table, data):
    levels = len(table.costs) or data.draw(st.integers(1, 300))
    sums = table.sums(levels)
    assert sums[0] == 0 and sums[-1] == 2**24 and (np.diff(sums) >= 1).all() and len(sums) % 2 == 1
    symbols = np.array(data.draw(st.lists(st.integers(0, levels - 1), max_size=30)), int)
    writer = Writer()
    writer.costs(table)
    writer.symbols(table, symbols, levels)
    stream = writer.stream()
    np.testing.assert_array_equal(decoded(table.pack(), stream, len(symbols), levels), symbols)
    ideal = float(np.sum(24 - np.log2(np.diff(sums)[symbols + 1])))
    assert table.kind == COUNTED or abs(8 * len(stream) - ideal) <= 24 + 56


def test_the_largest_table_has_sums_and_a_larger_one_is_refused():
    assert best_table(np.array([0, MOST_LEVELS - 1]), MOST_LEVELS).sums(MOST_LEVELS)[-1] == 2**24
    with pytest.raises(ValueError, match="tables have 1 to 32768 levels, not 32769"):
        best_table(np.array([0]), MOST_LEVELS + 1)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (b"", "cut short"),
        (b"\x01\x80", "cut short"),
        (b"\x01\x80\x01", "cut short"),
        (b"\x04", "cut short"),
        (b"\x05\x01\x01", "no table of kind 5"),
        (b"\x01\x01\xa1", "scale number 161"),
        (b"\x01\xff\xff\xff\x7f\x01", "a table of mean 268435455"),
    ],
)
def test_descriptions_that_nobody_wrote_are_refused(description, message):
    with pytest.raises(CorruptStreamError, match=message):
        unpack_table(description, 0)


def test_streams_that_nobody_wrote_are_refused():
    with pytest.raises(CorruptStreamError, match="is missing"):
        StreamReader(b"").symbols(Table(UNIFORM), (1,), 4)
    description, stream = coded(np.array([1, 2, 3, 1] * 50), 4)
    with pytest.raises(CorruptStreamError):
        decoded(description, stream, 199, 4)
    with pytest.raises(CorruptStreamError):
        decoded(description, stream[:-3], 200, 4)
    outside = Writer()
    outside.symbols(Table(UNIFORM), np.array([6]), 7)
    with pytest.raises(CorruptStreamError):
        decoded(b"\x00", outside.stream(), 1, 6)
    costs = Writer()
    costs.costs(Table(COUNTED, 0, 64, (300, 2)))
    with pytest.raises(CorruptStreamError, match="costs of counted symbols"):
        StreamReader(costs.stream()).costs(Table(COUNTED, 0, 64), 2)
