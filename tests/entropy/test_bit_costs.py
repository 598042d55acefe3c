"""What an encoder reckons a grid to cost is what coding it takes."""

import numpy as np
import pytest

from tests.entropy.example_tables import formula_grid, lingering, random_tables
from vqvae_jax.entropy.bit_costs import bit_costs, changed_symbol_bits, first_symbol_bits
from vqvae_jax.entropy.index_coder import encode_level

CODES = 24


def reckoned(tables, grid, coarse):
    """Bits of a grid, symbol by symbol, from the costs."""
    costs, symbol, first = bit_costs(tables, grid, coarse), changed_symbol_bits(tables), first_symbol_bits(tables)
    total = sum(first[costs.first_rows[y, x], code] for (y, x), code in np.ndenumerate(grid[0]))
    for (t, y, x), code in np.ndenumerate(grid[1:]):
        before = grid[t, y, x]
        if code == before:
            total += costs.repeat[t, y, x]
        else:
            total += costs.change[t, y, x] + symbol[tables.arrays.previous_rows[before], code]
    return total


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("with_coarse", [False, True])
def test_costs_add_up_to_the_coded_size(seed, with_coarse):
    tables, grid = random_tables(CODES, seed=seed), lingering((6, 8, 8), CODES, seed)
    coarse = formula_grid((3, 4, 4), CODES) if with_coarse else None
    bits = 8 * len(encode_level(tables, grid, coarse))
    assert reckoned(tables, grid, coarse) == pytest.approx(bits, abs=40)  # the coder's final state: four bytes


def test_a_single_step_has_no_flags():
    tables = random_tables(CODES)
    costs = bit_costs(tables, formula_grid((1, 3, 5), CODES), None)
    assert costs.repeat.shape == costs.change.shape == (0, 3, 5)
    assert costs.first_rows.shape == (3, 5)
    np.testing.assert_allclose(np.exp2(-first_symbol_bits(tables)).sum(axis=-1), 1, rtol=1e-4)
