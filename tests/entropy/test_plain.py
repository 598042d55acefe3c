"""Fixed-length and DEFLATE streams against bytes worked out by hand."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqvae_jax.entropy.plain import decode_deflate, decode_fixed, encode_deflate, encode_fixed, index_bits
from vqvae_jax.entropy.rans import CorruptStreamError

ONE_TO_SIX = np.array([[[1, 2, 3], [4, 5, 6]]])


def test_three_bit_indices_are_packed_highest_bit_first_and_filled_with_zeros():
    # 001 010 01|1 100 101 1|10 000000
    assert encode_fixed(ONE_TO_SIX, 8) == bytes([0b00101001, 0b11001011, 0b10000000])


def test_ten_bit_indices_cross_bytes():
    # 1023, 1, 512 -> 11111111|11 000000|0001 1000|000000 00
    assert encode_fixed(np.array([[[1023, 1, 512]]]), 1024) == bytes([0xFF, 0xC0, 0x18, 0x00])


def test_deflate_is_zlib_over_little_endian_16_bit_indices():
    stream = encode_deflate(np.array([[[1, 258], [65535, 0]]], np.int64))
    assert zlib.decompress(stream) == bytes([1, 0, 2, 1, 255, 255, 0, 0])
    assert stream[:2] == bytes([0x78, 0xDA])  # zlib's mark of level 9


@pytest.mark.parametrize(("codes", "bits"), [(1, 0), (2, 1), (3, 2), (512, 9), (513, 10), (1024, 10), (1025, 11)])
def test_bits_of_an_index(codes, bits):
    assert index_bits(codes) == bits


@settings(max_examples=100)
@given(st.tuples(*[st.integers(1, 6)] * 3), st.integers(1, 4096), st.integers(0, 1000))
def test_both_modes_give_the_indices_back(shape, codes, seed):
    grid = np.random.default_rng(seed).integers(0, codes, shape)
    fixed, deflate = encode_fixed(grid, codes), encode_deflate(grid)
    assert len(fixed) == -(-grid.size * index_bits(codes) // 8)
    for found in (decode_fixed(fixed, shape, codes), decode_deflate(deflate, shape, codes)):
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, grid)
    np.testing.assert_array_equal(decode_fixed(encode_fixed(grid.T, codes), shape[::-1], codes), grid.T)


def test_filling_that_is_not_zero_is_refused():
    with pytest.raises(CorruptStreamError, match="not zero"):
        decode_fixed(bytes([0b00101001, 0b11001011, 0b10000001]), (1, 2, 3), 8)


@pytest.mark.parametrize("length", [0, 2, 4])
def test_fixed_bytes_of_another_length_are_refused(length):
    with pytest.raises(CorruptStreamError, match="6 indices of 3 bits"):
        decode_fixed(bytes(length), (1, 2, 3), 8)


def test_a_shape_whose_product_exceeds_64_bits_is_refused():
    for decode in (decode_fixed, decode_deflate):
        with pytest.raises(CorruptStreamError):
            decode(b"", (2**32, 2**32, 1), 8)


def test_an_index_beyond_the_codebook_is_refused():
    with pytest.raises(CorruptStreamError, match="index of 6 in a level of 6"):
        decode_fixed(encode_fixed(ONE_TO_SIX, 8), (1, 2, 3), 6)
    with pytest.raises(CorruptStreamError, match="index of 6 in a level of 6"):
        decode_deflate(encode_deflate(ONE_TO_SIX), (1, 2, 3), 6)


def test_a_bomb_is_refused_without_unpacking_it():
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(CorruptStreamError, match="exactly 1024 bytes"):
        decode_deflate(bomb, (8, 8, 8), 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(bomb) < 200_000 and peak < 1_000_000


def test_the_most_compressible_grid_is_within_the_bound_on_deflate():
    grid = np.zeros((100, 100, 100), int)
    assert not decode_deflate(encode_deflate(grid), grid.shape, 1).any()


@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 2, 4)])
def test_deflate_of_fewer_or_more_indices_is_refused(shape):
    with pytest.raises(CorruptStreamError, match="exactly"):
        decode_deflate(encode_deflate(ONE_TO_SIX), shape, 8)


def test_damaged_deflate_is_refused():
    stream = encode_deflate(ONE_TO_SIX)
    for length in range(len(stream)):
        with pytest.raises(CorruptStreamError):
            decode_deflate(stream[:length], (1, 2, 3), 8)
    with pytest.raises(CorruptStreamError):
        decode_deflate(stream + b"\0", (1, 2, 3), 8)
    for bit in range(16, 8 * len(stream)):
        damaged = bytearray(stream)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            # Flips that zlib does not mind: filling bits after the last block.
            np.testing.assert_array_equal(decode_deflate(bytes(damaged), (1, 2, 3), 8), ONE_TO_SIX)
        except CorruptStreamError:
            continue
