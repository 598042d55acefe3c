"""Rates against closed forms, zlib and scipy."""

import zlib

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.metrics.rate import (
    RAW_BPP,
    bytes_to_bpp,
    deflate_bytes,
    entropy_bpp,
    formula_bpp,
    index_entropy,
    serialise_indices,
)

CLIP = (32, 64, 64)
GRIDS = [(8, 8, 8), (16, 16, 16)]


def test_formula_gives_the_rates_of_the_specification():
    assert formula_bpp(GRIDS, [1024, 1024], CLIP) == 0.3515625
    assert formula_bpp(GRIDS[1:], [1024], CLIP) == 0.3125
    assert formula_bpp(GRIDS, [512, 512], CLIP) == pytest.approx(0.3164, abs=5e-5)


def test_indices_are_little_endian_top_then_bottom_in_thw_order():
    top, bottom = np.array([[[1, 258]]]), np.arange(8).reshape(2, 2, 2)
    expected = b"\x01\x00\x02\x01" + b"".join(bytes([i, 0]) for i in range(8))
    assert serialise_indices([top, bottom], [1024, 1024]) == expected
    # A transposed view is written in its own t, h, w order, not in memory order.
    assert serialise_indices([bottom.T], [8]) == np.ascontiguousarray(bottom.T).astype("<u2").tobytes()


def test_deflate_is_zlib_level_9_and_uniform_indices_cost_12_3_bits():
    rng = np.random.default_rng(0)
    levels = [rng.integers(0, 1024, grid) for grid in GRIDS]
    size = deflate_bytes(levels, [1024, 1024])
    assert size == len(zlib.compress(serialise_indices(levels, [1024, 1024]), 9))
    assert 8 * size / sum(level.size for level in levels) == pytest.approx(12.3, abs=0.1)
    assert bytes_to_bpp(size, CLIP) == pytest.approx(0.3515625 * 1.23, rel=0.01)


def test_largest_codebook_is_65536():
    assert serialise_indices([np.full((1, 1, 1), 65535)], [65536]) == b"\xff\xff"
    with pytest.raises(ConfigError, match="65537 codes"):
        serialise_indices([np.zeros((1, 1, 1), int)], [65537])


@pytest.mark.parametrize("bad", [np.full((1, 1, 1), 8), np.full((1, 1, 1), -1), np.zeros((1, 1, 1)), np.zeros(3, int)])
def test_indices_that_do_not_fit_are_refused(bad):
    with pytest.raises(UserError):
        serialise_indices([bad], [8])


def test_mismatched_lists_are_refused():
    with pytest.raises(ConfigError):
        formula_bpp(GRIDS, [1024], CLIP)
    with pytest.raises(ConfigError):
        serialise_indices([np.zeros((1, 1, 1), int)], [8, 8])


def test_entropy_equals_scipy_and_its_limits():
    counts = np.array([5, 0, 3, 2, 7, 0, 1])
    assert index_entropy(counts) == pytest.approx(scipy_entropy(counts, base=2))
    assert index_entropy(np.ones(1024)) == pytest.approx(10.0)
    assert index_entropy(np.array([0, 9, 0])) == 0.0
    assert index_entropy(np.zeros(4)) == 0.0


def test_entropy_of_uniform_codes_is_the_formula():
    assert entropy_bpp([np.ones(1024)] * 2, GRIDS, CLIP) == pytest.approx(formula_bpp(GRIDS, [1024] * 2, CLIP))


def test_raw_rgb_is_24_bits_per_pixel():
    assert bytes_to_bpp(32 * 64 * 64 * 3, CLIP) == RAW_BPP
