"""Models fitted to sources whose entropy is known, measured on fresh samples of them."""

import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.context_arrays import ContextArrays
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.contexts import ACTIVITIES
from vqvae_jax.msvqvae.indices.fit import Grids, fit_level
from vqvae_jax.msvqvae.indices.index_coder import encode_level

GRID = (8, 16, 16)
FRESH = 12


def embeddings(codes: int) -> np.ndarray:
    """Codes on a circle: neighbours in number are neighbours in space."""
    angle = 2 * np.pi * np.arange(codes) / codes
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def circular(codes: int, reach: float = 1.5) -> np.ndarray:
    """[K, K] chances of the next index once it changes: the nearer on the circle, the likelier."""
    distance = np.abs(np.arange(codes)[:, None] - np.arange(codes))
    chances = np.exp(-np.minimum(distance, codes - distance) / reach)
    np.fill_diagonal(chances, 0)
    return chances / chances.sum(axis=1, keepdims=True)


def markov_grids(count: int, chances: np.ndarray, seed: int) -> np.ndarray:
    """[N, T, H, W]: a uniform first step, then every index repeats with probability 1/2 or follows `chances`."""
    rng, codes = np.random.default_rng(seed), len(chances)
    grids = rng.integers(0, codes, (count, *GRID))
    ends = np.cumsum(chances, axis=1)
    for step in range(1, GRID[0]):
        before = grids[:, step - 1]
        moved = (ends[before] < rng.random(before.shape)[..., None]).sum(axis=-1).clip(0, codes - 1)
        grids[:, step] = np.where(rng.random(before.shape) < 0.5, before, moved)
    return grids


def markov_bits(chances: np.ndarray) -> float:
    """Entropy of an index of such a grid; the stationary distribution is uniform."""
    row = chances[0][chances[0] > 0]
    later = 1 + 0.5 * -(row * np.log2(row)).sum()
    return (np.log2(len(chances)) + (GRID[0] - 1) * later) / GRID[0]


def coded_bits(arrays: ContextArrays, grids: np.ndarray, coarse: np.ndarray | None = None) -> float:
    """Bits per index of the streams, which must decode."""
    tables, size = ContextModel(arrays), 0
    for number, grid in enumerate(grids):
        coarser = None if coarse is None else coarse[number]
        stream = encode_level(tables, grid, coarser)
        np.testing.assert_array_equal(tables.decode(stream, grid.shape, coarser), grid)
        size += len(stream)
    return 8 * size / grids.size


def test_a_markov_source_is_coded_within_3_percent_of_its_conditional_entropy():
    chances = circular(32)
    arrays = fit_level(Grids(markov_grids(60, chances, 0), None), embeddings(32))
    bits = coded_bits(arrays, markov_grids(FRESH, chances, 1))
    assert 0.995 < bits / markov_bits(chances) < 1.03


def test_an_uninformative_source_costs_at_most_a_percent_over_its_logarithm():
    grids = np.random.default_rng(0).integers(0, 64, (60 + FRESH, *GRID))
    arrays = fit_level(Grids(grids[FRESH:], None), embeddings(64))
    assert 6 < coded_bits(arrays, grids[:FRESH]) < 6 * 1.01


def test_a_coarser_level_that_knows_what_moves_saves_bits():
    """Where the coarse index repeats so do the four fine ones."""
    rng = np.random.default_rng(0)
    coarse = markov_grids(80, circular(16), 2)[:, :, ::2, ::2]
    moves = np.repeat(np.repeat(coarse[:, 1:] != coarse[:, :-1], 2, axis=2), 2, axis=3)
    fine = rng.integers(0, 16, (80, *GRID))
    for step in range(1, GRID[0]):
        fine[:, step] = np.where(moves[:, step - 1], fine[:, step], fine[:, step - 1])
    alone = coded_bits(fit_level(Grids(fine[:64], None), embeddings(16)), fine[64:])
    informed = coded_bits(fit_level(Grids(fine[:64], coarse[:64], 16), embeddings(16)), fine[64:], coarse[64:])
    assert informed < alone - 0.2


def test_the_same_grids_give_the_same_tables(short):
    grids = Grids(markov_grids(20, circular(40), 3), None)
    for one, other in zip(fit_level(grids, embeddings(40)), fit_level(grids, embeddings(40)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_neighbours_of_the_same_step_tell_what_an_index_is():
    """Rows of one index each, none of which repeats: half of a step's indices have a neighbour in their row then."""
    rng = np.random.default_rng(9)
    rows = rng.integers(0, 16, (80, GRID[0], GRID[1], 1)) + 16 * (np.arange(GRID[0]) % 2)[:, None, None]
    grids = rows.repeat(GRID[2], axis=3)
    assert 2 < coded_bits(fit_level(Grids(grids[16:], None), embeddings(32)), grids[:16]) < 2 * 1.1


@pytest.fixture
def short(monkeypatch):
    """For tests that ask for no quality."""
    monkeypatch.setattr("vqvae_jax.msvqvae.indices.fit.STEPS", (10, 10))


def test_progress_is_told_step_by_step(short):
    told = []
    fit_level(Grids(markov_grids(16, circular(8), 3), None), embeddings(8), lambda *now: told.append(now))
    assert told == [(step, len(told)) for step in range(1, len(told) + 1)] and len(told) == 10


@pytest.mark.parametrize("codes", [2, 16, 17, 70])
def test_unused_codes_and_codes_that_never_stay_give_valid_tables(codes, short):
    """Codes that nobody saw come after all others when repeats are rarer than not."""
    steps = np.arange(4)[:, None, None]
    grid = (steps + np.indices((4, 3, 3)).sum(axis=0)) % max(codes // 2, 2)
    arrays = fit_level(Grids(np.stack([grid] * 16), None), embeddings(codes))
    assert arrays.activity.max() < ACTIVITIES
    full = np.arange(codes).repeat(2).reshape(2, 1, codes)
    assert coded_bits(arrays, full[None]) > 0


@pytest.mark.filterwarnings("error:.*(divide|invalid|empty slice)")
def test_grids_that_never_change_are_coded_in_next_to_nothing():
    still = np.repeat(np.random.default_rng(6).integers(0, 32, (40, 1, *GRID[1:])), 8, axis=1)
    arrays = fit_level(Grids(still.astype(np.uint16), None), embeddings(32))
    # Five bits in the first of eight steps and five bytes of state.
    assert coded_bits(arrays, still[:8]) < 5 / 8 * 1.1 + 40 / 2048


@pytest.mark.filterwarnings("error:.*(divide|invalid|empty slice)")
def test_a_codebook_of_equal_rows_is_fitted():
    arrays = fit_level(Grids(markov_grids(16, circular(40), 7), None), np.zeros((40, 3), np.float32))
    assert coded_bits(arrays, markov_grids(2, circular(40), 8)) < 6


@pytest.mark.parametrize("shape", [(15, 8, 4, 4), (16, 1, 4, 4)])
def test_too_few_clips_or_steps_are_an_error(shape):
    with pytest.raises(UserError, match=r"need 16 clips of two latent steps"):
        fit_level(Grids(np.zeros(shape, np.int64), None), embeddings(8))
