"""Valid tables and grids, by integer formulas or seeded generators."""

import numpy as np

from vqvae_jax.msvqvae.indices.context_arrays import ContextArrays
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.contexts import ACTIVITIES, REPEAT_CONTEXTS
from vqvae_jax.msvqvae.indices.order import GROUPS, NEIGHBOURS
from vqvae_jax.msvqvae.indices.pair_tables import LevelTables, TableArrays


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


def random_contexts(codes: int, coarse_codes: int = 7, hidden: int = 6, seed: int = 0) -> ContextArrays:
    """Anything that `check_arrays` lets through, but for outputs so great that every symbol is certain or next to
    impossible."""
    rng = np.random.default_rng(seed)
    pairs = random_arrays(codes, 1, seed)
    return ContextArrays(
        activity=pairs.activity,
        repeat=pairs.repeat,
        neighbours=rng.integers(-128, 128, (NEIGHBOURS, codes + 1, hidden)).astype(np.int8),
        coarse=rng.integers(-128, 128, (coarse_codes + 1, hidden)).astype(np.int8),
        groups=rng.integers(-300, 2000, (2, GROUPS, hidden)).astype(np.int16),
        output=rng.integers(-6, 7, (hidden, codes)).astype(np.int8),
        bias=rng.integers(-4000, 4000, codes).astype(np.int32),
    )


def random_context_model(codes: int, coarse_codes: int = 7, seed: int = 0) -> ContextModel:
    return ContextModel(random_contexts(codes, coarse_codes, seed=seed))


def formula_contexts(codes: int, coarse_codes: int) -> ContextArrays:
    """A context model that no change of a random generator can change."""
    hidden = 5
    pairs = formula_arrays(codes)

    def spread(shape: tuple[int, ...], factor: int, limit: int) -> np.ndarray:
        return (np.arange(int(np.prod(shape))) ** 2 * factor % (2 * limit + 1) - limit).reshape(shape)

    return ContextArrays(
        activity=pairs.activity,
        repeat=pairs.repeat,
        neighbours=spread((NEIGHBOURS, codes + 1, hidden), 37, 60).astype(np.int8),
        coarse=spread((coarse_codes + 1, hidden), 53, 60).astype(np.int8),
        groups=(spread((2, GROUPS, hidden), 29, 60) + 100).astype(np.int16),
        output=spread((hidden, codes), 41, 30).astype(np.int8),
        bias=spread((codes,), 71, 2000).astype(np.int32),
    )
