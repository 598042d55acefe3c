"""What an encoder reckons a grid to cost is what coding it takes."""

import numpy as np
import pytest

from tests.msvqvae.indices.example_tables import formula_grid, lingering, random_context_model
from vqvae_jax.msvqvae.indices.bit_costs import bit_costs
from vqvae_jax.msvqvae.indices.index_coder import encode_level

CODES = 24
EVERY_CODE = np.arange(CODES)


def every_code(grid):
    return np.broadcast_to(EVERY_CODE, (*grid.shape, CODES))


def reckoned(model, grid, coarse):
    """Bits of a grid, symbol by symbol, from the costs."""
    costs = bit_costs(model, grid, coarse, every_code(grid))
    total = sum(costs.symbol[0, y, x, code] for (y, x), code in np.ndenumerate(grid[0]))
    for (t, y, x), code in np.ndenumerate(grid[1:]):
        if code == grid[t, y, x]:
            total += costs.repeat[t, y, x]
        else:
            total += costs.change[t, y, x] + costs.symbol[t + 1, y, x, code]
    return total


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("with_coarse", [False, True])
def test_costs_add_up_to_the_coded_size(seed, with_coarse):
    model, grid = random_context_model(CODES, CODES, seed), lingering((6, 8, 7), CODES, seed)
    coarse = formula_grid((3, 4, 4), CODES) if with_coarse else None
    bits = 8 * len(encode_level(model, grid, coarse))
    assert reckoned(model, grid, coarse) == pytest.approx(bits, rel=0.01, abs=40)  # the coder's final state: four bytes


def test_a_single_step_has_no_flags():
    grid = formula_grid((1, 3, 5), CODES)
    costs = bit_costs(random_context_model(CODES, CODES), grid, None, every_code(grid))
    assert costs.repeat.shape == costs.change.shape == (0, 3, 5)
    np.testing.assert_allclose(np.exp2(-costs.symbol).sum(axis=-1), 1, rtol=1e-4)


def test_some_candidates_cost_what_they_cost_among_all():
    model, grid = random_context_model(CODES, CODES, 1), lingering((4, 5, 6), CODES)
    few = np.random.default_rng(2).integers(0, CODES, (*grid.shape, 3))
    all_bits = bit_costs(model, grid, None, every_code(grid)).symbol
    expected = np.take_along_axis(all_bits, few, axis=-1)
    np.testing.assert_array_equal(bit_costs(model, grid, None, few).symbol, expected)
