"""Whole grids there and back, against a decoder written from the document alone, and damaged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.msvqvae.indices.example_tables import (
    formula_arrays,
    formula_contexts,
    formula_grid,
    lingering,
    random_arrays,
    random_context_model,
    random_contexts,
    random_tables,
)
from tests.msvqvae.indices.reference_contexts import decoded_by_contexts
from tests.msvqvae.indices.reference_decoder import decoded
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.contexts import coarse_repeats, repeat_contexts, repeats
from vqvae_jax.msvqvae.indices.index_coder import encode_level
from vqvae_jax.msvqvae.indices.pair_tables import LevelTables

sides = st.integers(1, 6)
shapes = st.one_of(st.tuples(sides, sides, sides), st.sampled_from([(1, 1, 1), (1, 5, 3), (4, 3, 1), (3, 1, 4)]))
MUTATIONS = 2000
#: Coded once; a change of these bytes is a change of the file format.
GOLDEN_TOP = "d104e4755ee65afa8a6369f21a96de67e5"
GOLDEN_BOTTOM = (
    "f304bd6607b2e4297bf4f45275531b53cb0b5f0197e2f74fb992ad96e0b2e8f0e96bb46cf125de19fb8efdb6fb00dea0"
    "8c6182ade5d18bcd8502e7d8fbb5effd209adec2c38e96d5f45cfa7dd295f0958205fa415a87e6b99eef9691fd9ad9"
)


GOLDEN_CONTEXTS_TOP = "8b000e0100a880ec247276097183feba98430a670b"
GOLDEN_CONTEXTS_BOTTOM = (
    "98006f1e00a194acf7eb664ec7bcb441141d01c6fc547d44b8981188022814e6e8790edf2f75ebb5fcb70f1af46e064aeebb"
    "fd0107e5e43e17d6e3668278c4a07de34cac4a3a0fcb9a2dc980e9a5a594d6aa08920d8812"
)

#: Both kinds of level model by (number of codes, seed); coarser levels have 9 codes at most.
MODELS = {
    "contexts": lambda codes, seed: random_context_model(codes, 9, seed),
    "pairs": lambda codes, seed: random_tables(codes, 5, seed),
}
kinds = pytest.mark.parametrize("kind", MODELS)


@kinds
@settings(max_examples=120)
@given(shapes, st.one_of(st.none(), shapes), st.sampled_from([2, 3, 16, 100, 1024]), st.integers(0, 10_000))
def test_decoding_gives_the_indices_back(kind, shape, coarse_shape, codes, seed):
    tables = MODELS[kind](codes, seed)
    grid = lingering(shape, codes, seed)
    coarse = None if coarse_shape is None else lingering(coarse_shape, 7, seed)
    found = tables.decode(encode_level(tables, grid, coarse), shape, coarse)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, grid)


def test_as_many_codes_as_the_coder_takes_come_back():
    model, grid = random_context_model(32768, 0), lingering((2, 3, 3), 32768)
    np.testing.assert_array_equal(model.decode(encode_level(model, grid), grid.shape, None), grid)


@settings(max_examples=30)
@given(shapes, st.one_of(st.none(), shapes), st.sampled_from([2, 5, 12]), st.integers(0, 10_000))
def test_a_decoder_written_from_the_document_reads_the_stream(shape, coarse_shape, codes, seed):
    arrays = random_arrays(codes, 4, seed)
    grid = lingering(shape, codes, seed)
    coarse = None if coarse_shape is None else lingering(coarse_shape, 7, seed)
    assert decoded(encode_level(LevelTables(arrays), grid, coarse), shape, arrays, coarse) == grid.tolist()


@settings(max_examples=30)
@given(shapes, st.one_of(st.none(), shapes), st.sampled_from([2, 5, 12]), st.integers(0, 10_000))
def test_a_decoder_of_contexts_written_from_the_document_reads_the_stream(shape, coarse_shape, codes, seed):
    arrays = random_contexts(codes, 0 if coarse_shape is None else 7, seed=seed)
    grid = lingering(shape, codes, seed)
    coarse = None if coarse_shape is None else lingering(coarse_shape, 7, seed)
    stream = encode_level(ContextModel(arrays), grid, coarse)
    assert decoded_by_contexts(stream, shape, arrays, coarse) == grid.tolist()


def test_a_repeat_costs_its_flag_and_a_change_its_flag_and_its_symbol():
    tables, grid = random_tables(8, 3), lingering((5, 4, 3), 8)
    arrays, steps = tables.arrays, grid[1:].reshape(-1)
    begin, frequency = tables.coded_intervals(grid, None)
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


@kinds
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_the_type_and_layout_of_the_indices_do_not_matter(kind, dtype):
    tables, grid, coarse = MODELS[kind](300, 0), lingering((4, 6, 5), 300), lingering((4, 3, 5), 9)
    expected = encode_level(tables, grid, coarse)
    assert encode_level(tables, grid.astype(dtype), coarse.astype(dtype)) == expected
    assert encode_level(tables, np.asfortranarray(grid), np.asfortranarray(coarse)) == expected


@pytest.mark.parametrize(
    ("kind", "top_hex", "bottom_hex"),
    [("pairs", GOLDEN_TOP, GOLDEN_BOTTOM), ("contexts", GOLDEN_CONTEXTS_TOP, GOLDEN_CONTEXTS_BOTTOM)],
)
def test_a_stream_written_today_is_read_for_ever(kind, top_hex, bottom_hex):
    if kind == "pairs":
        of_top = of_bottom = LevelTables(formula_arrays(20))
    else:
        of_top, of_bottom = ContextModel(formula_contexts(20, 0)), ContextModel(formula_contexts(20, 20))
    top, bottom = formula_grid((3, 2, 3), 20), formula_grid((5, 4, 5), 20)
    assert encode_level(of_top, top).hex() == top_hex
    assert encode_level(of_bottom, bottom, top).hex() == bottom_hex
    np.testing.assert_array_equal(of_top.decode(bytes.fromhex(top_hex), (3, 2, 3), None), top)
    np.testing.assert_array_equal(of_bottom.decode(bytes.fromhex(bottom_hex), (5, 4, 5), top), bottom)


class Damaged:
    """One coded grid, and what becomes of other bytes in its place."""

    shape = (4, 4, 4)

    def __init__(self, kind: str) -> None:
        self.tables = MODELS[kind](40, 4)
        self.grid, self.coarse = lingering(self.shape, 40), lingering((2, 2, 2), 9)
        self.stream = encode_level(self.tables, self.grid, self.coarse)

    def refused(self, stream: bytes) -> bool:
        """Whether `stream` is noticed; if not, it must at least be indices."""
        try:
            found = self.tables.decode(stream, self.shape, self.coarse)
        except CorruptStreamError:
            return True
        assert found.shape == self.shape and found.min() >= 0 and found.max() < 40
        return False


@kinds
def test_every_truncation_and_every_appended_word_is_noticed(kind):
    damaged = Damaged(kind)
    assert not damaged.refused(damaged.stream)
    assert all(damaged.refused(damaged.stream[:length]) for length in range(len(damaged.stream)))
    assert all(damaged.refused(damaged.stream + b"\x01" * more) for more in (1, 2, 64))


@kinds
def test_every_flipped_bit_is_noticed_or_gives_indices(kind):
    damaged = Damaged(kind)
    refused = 0
    for bit in range(8 * len(damaged.stream)):
        stream = bytearray(damaged.stream)
        stream[bit // 8] ^= 1 << bit % 8
        refused += damaged.refused(bytes(stream))
    # The last word holds the last few symbols and can become that of others: a checksum is the container's business.
    assert 0.98 * 8 * len(damaged.stream) <= refused


@kinds
def test_mutated_streams_are_noticed_or_give_indices(kind):
    damaged, rng = Damaged(kind), np.random.default_rng(5)
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


@kinds
def test_bytes_of_another_shape_or_coarser_level_are_noticed(kind):
    damaged = Damaged(kind)
    for shape in [(4, 4, 3), (5, 4, 4), (1, 1, 1)]:
        with pytest.raises(CorruptStreamError):
            damaged.tables.decode(damaged.stream, shape, damaged.coarse)
    with pytest.raises(CorruptStreamError):
        damaged.tables.decode(damaged.stream, damaged.shape, None)
