"""Whole grids there and back, against a decoder written from the document alone, and damaged."""

import numpy as np
import pytest
from example_tables import formula_arrays, formula_grid, lingering, random_arrays, random_tables
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_decoder import decoded

from vqvae_jax.entropy.contexts import coarse_repeats, repeat_contexts, repeats
from vqvae_jax.entropy.index_coder import coded_intervals, decode_level, encode_level
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.entropy.tables import LevelTables

sides = st.integers(1, 6)
shapes = st.one_of(st.tuples(sides, sides, sides), st.sampled_from([(1, 1, 1), (1, 5, 3), (4, 3, 1), (3, 1, 4)]))
MUTATIONS = 2000
#: Coded once; a change of these bytes is a change of the file format.
GOLDEN_TOP = "d104e4755ee65afa8a6369f21a96de67e5"
GOLDEN_BOTTOM = (
    "f304bd6607b2e4297bf4f45275531b53cb0b5f0197e2f74fb992ad96e0b2e8f0e96bb46cf125de19fb8efdb6fb00dea0"
    "8c6182ade5d18bcd8502e7d8fbb5effd209adec2c38e96d5f45cfa7dd295f0958205fa415a87e6b99eef9691fd9ad9"
)


@settings(max_examples=150, deadline=None)
@given(shapes, st.one_of(st.none(), shapes), st.sampled_from([2, 3, 16, 100, 1024]), st.integers(0, 10_000))
def test_decoding_gives_the_indices_back(shape, coarse_shape, codes, seed):
    tables = random_tables(codes, rows=5, seed=seed)
    grid = lingering(shape, codes, seed)
    coarse = None if coarse_shape is None else lingering(coarse_shape, 7, seed)
    found = decode_level(tables, encode_level(tables, grid, coarse), shape, coarse)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, grid)


@settings(max_examples=30, deadline=None)
@given(shapes, st.one_of(st.none(), shapes), st.sampled_from([2, 5, 12]), st.integers(0, 10_000))
def test_a_decoder_written_from_the_document_reads_the_stream(shape, coarse_shape, codes, seed):
    arrays = random_arrays(codes, 4, seed)
    grid = lingering(shape, codes, seed)
    coarse = None if coarse_shape is None else lingering(coarse_shape, 7, seed)
    assert decoded(encode_level(LevelTables(arrays), grid, coarse), shape, arrays, coarse) == grid.tolist()


def test_a_repeat_costs_its_flag_and_a_change_its_flag_and_its_symbol():
    tables, grid = random_tables(8, 3), lingering((5, 4, 3), 8)
    arrays, steps = tables.arrays, grid[1:].reshape(-1)
    begin, frequency = coded_intervals(tables, grid, None)
    assert len(begin) == grid.size + int((repeats(grid) == 0).sum())
    flag, symbol = begin[12:], 0
    contexts = repeat_contexts(grid, coarse_repeats(None, grid.shape), arrays.activity).ravel()
    for context, before, now in zip(contexts, grid[:-1].ravel(), steps, strict=True):
        chance = int(arrays.repeat[context])
        if before == now:
            assert (flag[symbol], frequency[12 + symbol]) == (0, chance)
            symbol += 1
            continue
        assert (flag[symbol], frequency[12 + symbol]) == (chance, 65536 - chance)
        assert flag[symbol + 1] == tables.previous_starts[arrays.previous_rows[before], now]
        symbol += 2


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_the_type_and_layout_of_the_indices_do_not_matter(dtype):
    tables, grid = random_tables(300), lingering((4, 6, 5), 300)
    expected = encode_level(tables, grid, grid)
    assert encode_level(tables, grid.astype(dtype), grid.astype(dtype)) == expected
    assert encode_level(tables, np.asfortranarray(grid), np.asfortranarray(grid)) == expected


def test_a_stream_written_today_is_read_for_ever():
    tables = LevelTables(formula_arrays(20))
    top, bottom = formula_grid((3, 2, 3), 20), formula_grid((5, 4, 5), 20)
    assert encode_level(tables, top).hex() == GOLDEN_TOP
    assert encode_level(tables, bottom, top).hex() == GOLDEN_BOTTOM
    np.testing.assert_array_equal(decode_level(tables, bytes.fromhex(GOLDEN_TOP), (3, 2, 3)), top)
    np.testing.assert_array_equal(decode_level(tables, bytes.fromhex(GOLDEN_BOTTOM), (5, 4, 5), top), bottom)


class Damaged:
    """One coded grid, and what becomes of other bytes in its place."""

    shape = (4, 4, 4)

    def __init__(self) -> None:
        self.tables = random_tables(40, rows=6, seed=4)
        self.grid, self.coarse = lingering(self.shape, 40), lingering((2, 2, 2), 9)
        self.stream = encode_level(self.tables, self.grid, self.coarse)

    def refused(self, stream: bytes) -> bool:
        """Whether `stream` is noticed; if not, it must at least be indices."""
        try:
            found = decode_level(self.tables, stream, self.shape, self.coarse)
        except CorruptStreamError:
            return True
        assert found.shape == self.shape and found.min() >= 0 and found.max() < 40
        return False


def test_every_truncation_and_every_appended_word_is_noticed():
    damaged = Damaged()
    assert not damaged.refused(damaged.stream)
    assert all(damaged.refused(damaged.stream[:length]) for length in range(len(damaged.stream)))
    assert all(damaged.refused(damaged.stream + b"\x01" * more) for more in (1, 2, 64))


def test_every_flipped_bit_is_noticed_or_gives_indices():
    damaged = Damaged()
    refused = 0
    for bit in range(8 * len(damaged.stream)):
        stream = bytearray(damaged.stream)
        stream[bit // 8] ^= 1 << bit % 8
        refused += damaged.refused(bytes(stream))
    # The last word holds the last few symbols and can become that of others: a checksum is the container's business.
    assert 0.98 * 8 * len(damaged.stream) <= refused


def test_mutated_streams_are_noticed_or_give_indices():
    damaged, rng = Damaged(), np.random.default_rng(5)
    refused = 0
    for _ in range(MUTATIONS):
        stream = bytearray(damaged.stream)
        for at in rng.integers(0, len(stream), rng.integers(1, 9)):
            stream[at] = rng.integers(0, 256)
        begin, end = sorted(rng.integers(0, len(stream) + 1, 2))
        if rng.random() < 0.3:
            del stream[begin:end]
        elif rng.random() < 0.3:
            stream[begin:begin] = rng.bytes(int(rng.integers(1, 40)))
        refused += damaged.refused(bytes(stream)) or bytes(stream) == damaged.stream
    assert refused >= MUTATIONS - 2


def test_bytes_of_another_shape_or_coarser_level_are_noticed():
    damaged = Damaged()
    for shape in [(4, 4, 3), (5, 4, 4), (1, 1, 1)]:
        with pytest.raises(CorruptStreamError):
            decode_level(damaged.tables, damaged.stream, shape, damaged.coarse)
    with pytest.raises(CorruptStreamError):
        decode_level(damaged.tables, damaged.stream, damaged.shape, None)
