"""Tables from the indices of training clips.

Rows for rare contexts lean on rows for classes of codes, and those on the average; how many rows there are and how far
they lean is decided by the bits of clips held out for this.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2, vq

from vqvae_jax.entropy.contexts import (
    ACTIVITIES,
    REPEAT_CONTEXTS,
    coarse_repeats,
    first_neighbours,
    repeat_contexts,
    repeats,
)
from vqvae_jax.entropy.frequencies import costs, frequencies
from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.entropy.tables import TableArrays
from vqvae_jax.errors import UserError

HELD_OUT = 8  # every eighth grid
LEANING = (8.0, 32.0, 128.0, 512.0)  # observations that the prior of a row counts for
WORTH = 0.003  # a table of twice the rows must save this share of the bits


class Grids(NamedTuple):
    """Indices of many clips of one level."""

    indices: np.ndarray  # [N, T, H, W], integers in [0, K)
    coarse: np.ndarray | None  # [N, t, h, w] of the next coarser level


def fit_level(grids: Grids, embeddings_KD: np.ndarray) -> TableArrays:
    """Fits a level's tables.

    Args:
      grids: of training clips; every eighth is held out to choose sizes, then all are counted.
      embeddings_KD: the codebook, by whose distances codes are put into classes.

    Raises:
      UserError: if there are fewer than 16 grids, or grids of a single step.
    """
    count, steps = grids.indices.shape[:2]
    if count < 2 * HELD_OUT or steps < 2:
        raise UserError(f"entropy tables need {2 * HELD_OUT} clips of two latent steps at least; found {count}")
    codes = len(embeddings_KD)
    flags = np.stack([repeats(grid) for grid in grids.indices])
    activity = _activity(grids.indices[:, :-1], flags, codes)
    repeat = _repeat_chances(grids, activity)

    changed = flags == 0
    clip = np.broadcast_to(np.arange(count)[:, None, None, None], flags.shape)[changed]
    previous = _Pairs(grids.indices[:, :-1][changed], grids.indices[:, 1:][changed], clip % HELD_OUT == 0)
    neighbours = np.stack([first_neighbours(grid[0], codes) for grid in grids.indices])
    of_clip = np.broadcast_to(np.arange(count)[:, None, None], neighbours.shape)
    first = _Pairs(neighbours.ravel(), grids.indices[:, 0].ravel(), of_clip.ravel() % HELD_OUT == 0)

    classes = _classes(embeddings_KD, np.bincount(grids.indices.ravel(), minlength=codes))
    # A repeat is coded by its flag, never here.
    previous_rows, previous_costs = _best_table(previous, classes, codes, without_own=True)
    first_rows, first_costs = _best_table(first, [np.append(c, c.max() + 1) for c in classes], codes, without_own=False)
    return TableArrays(activity, repeat, previous_rows, previous_costs, first_rows, first_costs)


class _Pairs(NamedTuple):
    """Observations of a symbol in a context."""

    context: np.ndarray  # [n]
    symbol: np.ndarray  # [n]
    held_out: np.ndarray  # [n] bool


def _activity(earlier: np.ndarray, flags: np.ndarray, codes: int) -> np.ndarray:
    """Classes of codes by the share of repeats, with about equally many observations each."""
    seen = np.bincount(earlier.ravel(), minlength=codes)
    share = (np.bincount(earlier.ravel(), flags.ravel(), codes) + 1) / (seen + 2)
    order = np.argsort(share, kind="stable")
    before = np.cumsum(seen[order]) - seen[order]
    activity = np.empty(codes, np.uint8)
    # Codes never seen may come after all observations.
    activity[order] = np.minimum(before * ACTIVITIES // max(int(seen.sum()), 1), ACTIVITIES - 1)
    return activity


def _repeat_chances(grids: Grids, activity: np.ndarray) -> np.ndarray:
    """uint16 [REPEAT_CONTEXTS]; a context with few observations leans on its activity class."""
    seen, repeated = np.zeros(REPEAT_CONTEXTS), np.zeros(REPEAT_CONTEXTS)
    coarse: Iterable[np.ndarray | None] = [None] * len(grids.indices) if grids.coarse is None else grids.coarse
    for grid, coarser in zip(grids.indices, coarse, strict=True):
        contexts = repeat_contexts(grid, coarse_repeats(coarser, grid.shape), activity).ravel()
        seen += np.bincount(contexts, minlength=REPEAT_CONTEXTS)
        repeated += np.bincount(contexts, repeats(grid).ravel(), REPEAT_CONTEXTS)
    by_class = repeated.reshape(ACTIVITIES, -1).sum(axis=1) + 0.5, seen.reshape(ACTIVITIES, -1).sum(axis=1) + 1.0
    prior = np.repeat(by_class[0] / by_class[1], REPEAT_CONTEXTS // ACTIVITIES)
    chance = (repeated + 4.0 * prior) / (seen + 4.0)
    return np.clip(np.rint(chance * SCALE), 1, SCALE - 1).astype(np.uint16)


def _classes(embeddings_KD: np.ndarray, use_K: np.ndarray) -> list[np.ndarray]:
    """Partitions of the codes, from 16 classes to one class each: [K] class numbers. Near codes share a class."""
    codes = len(embeddings_KD)
    partitions = []
    points = np.repeat(np.asarray(embeddings_KD, np.float64), np.clip(use_K * codes // max(use_K.sum(), 1), 1, 8), 0)
    for count in (16, 64, 256):
        if count < codes:
            centres, _ = kmeans2(points, count, iter=20, minit="++", rng=np.random.default_rng(0))
            nearest, _ = vq(np.asarray(embeddings_KD, np.float64), centres)
            partitions.append(np.unique(nearest, return_inverse=True)[1])
    return [*partitions, np.arange(codes)]


def _best_table(
    pairs: _Pairs, partitions: Sequence[np.ndarray], codes: int, without_own: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The partition and leaning with the fewest held-out bits; fewer rows unless more of them are worth it.

    Returns:
      rows: uint16, row of each context.
      costs: uint8 [R, K].
    """
    fitted = pairs._replace(context=pairs.context[~pairs.held_out], symbol=pairs.symbol[~pairs.held_out])
    test = pairs.context[pairs.held_out], pairs.symbol[pairs.held_out]
    best: tuple[float, int, float] | None = None
    for depth in range(len(partitions)):
        for leaning in LEANING:
            table = costs(_probabilities(fitted, partitions[: depth + 1], codes, leaning))
            chosen = frequencies(table)[partitions[depth][test[0]], test[1]]
            bits = float(np.sum(16.0 - np.log2(chosen)))
            if best is None or bits < best[0] * (1 - WORTH if depth > best[1] else 1):
                best = bits, depth, leaning
    assert best is not None
    _, depth, leaning = best
    partition = partitions[depth]
    probabilities = _probabilities(pairs, partitions[: depth + 1], codes, leaning)
    if without_own and len(probabilities) == codes:
        probabilities[np.arange(codes), np.arange(codes)] = 1e-9
    return partition.astype(np.uint16), costs(probabilities)


def _probabilities(pairs: _Pairs, partitions: Sequence[np.ndarray], codes: int, leaning: float) -> np.ndarray:
    """[R, K] of the last partition: counts per row, leaning on the partition before, down to the average."""
    average = np.bincount(pairs.symbol, minlength=codes) + 0.5
    coarser, prior = np.zeros_like(partitions[0]), (average / average.sum())[None]
    for partition in partitions:
        rows = int(partition.max()) + 1
        cells = partition[pairs.context] * codes + pairs.symbol
        counts = np.bincount(cells, minlength=rows * codes).reshape(rows, codes)
        # Partitions need not be nested; the coarser class of a row's first code will do.
        prior = prior[coarser[np.unique(partition, return_index=True)[1]]]
        prior = (counts + leaning * prior) / (counts.sum(axis=1, keepdims=True) + leaning)
        coarser = partition
    return prior
