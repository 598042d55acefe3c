"""Valid tables and grids, by integer formulas or seeded generators."""

import numpy as np

from vqvae_jax.entropy.contexts import ACTIVITIES, REPEAT_CONTEXTS
from vqvae_jax.entropy.tables import LevelTables, TableArrays


def random_arrays(codes: int, rows: int, seed: int) -> TableArrays:
    """Anything that `check_arrays` lets through: extreme costs, few or many rows."""
    rng = np.random.default_rng(seed)
    rows = min(rows, codes)
    repeat = rng.integers(1, 1 << 16, REPEAT_CONTEXTS)
    repeat[:2] = 1, (1 << 16) - 1
    return TableArrays(
        activity=rng.integers(0, ACTIVITIES, codes).astype(np.uint8),
        repeat=rng.permutation(repeat).astype(np.uint16),
        previous_rows=rng.integers(0, rows, codes).astype(np.uint16),
        previous_costs=rng.integers(0, 256, (rows, codes)).astype(np.uint8),
        first_rows=rng.integers(0, rows, codes + 1).astype(np.uint16),
        first_costs=rng.integers(0, 256, (rows, codes)).astype(np.uint8),
    )


def random_tables(codes: int, rows: int = 8, seed: int = 0) -> LevelTables:
    return LevelTables(random_arrays(codes, rows, seed))


def lingering(shape: tuple[int, int, int], codes: int, seed: int = 0) -> np.ndarray:
    """A grid in which about half of the indices repeat the one a step earlier: int64 [T, H, W]."""
    rng = np.random.default_rng(seed)
    grid = rng.integers(0, codes, shape)
    for step in range(1, shape[0]):
        grid[step] = np.where(rng.random(shape[1:]) < 0.5, grid[step - 1], grid[step])
    return grid


def formula_arrays(codes: int) -> TableArrays:
    """Tables that no change of a random generator can change."""
    rows = 3
    return TableArrays(
        activity=np.array([k * 5 % ACTIVITIES for k in range(codes)], np.uint8),
        repeat=np.array([1 + k * k * 7919 % 65535 for k in range(REPEAT_CONTEXTS)], np.uint16),
        previous_rows=np.array([k % rows for k in range(codes)], np.uint16),
        previous_costs=np.array([[(r * 37 + k * k * 11) % 160 for k in range(codes)] for r in range(rows)], np.uint8),
        first_rows=np.array([k * 2 % rows for k in range(codes + 1)], np.uint16),
        first_costs=np.array([[(r * 53 + k * 29) % 120 for k in range(codes)] for r in range(rows)], np.uint8),
    )


def formula_grid(shape: tuple[int, int, int], codes: int) -> np.ndarray:
    """Every third index or so changes from step to step; int64 [T, H, W]."""
    t, y, x = np.indices(shape)
    return ((t * (x * 7 + y * 13 + x * y) // 9) + x * 5 + y * 3) % codes
