"""A level's context model from the indices of training clips."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.rans import SCALE
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.context_model import ContextArrays
from vqvae_jax.msvqvae.indices.contexts import ACTIVITIES, REPEAT_CONTEXTS, coarse_repeats, repeat_contexts, repeats
from vqvae_jax.msvqvae.indices.fit_network import Progress, fit_network

LEAST = 16  # clips


class Grids(NamedTuple):
    """Indices of many clips of one level."""

    indices: np.ndarray  # [N, T, H, W], integers in [0, K)
    coarse: np.ndarray | None  # [N, t, h, w] of the next coarser level
    coarse_codes: int = 0  # of the coarser level


def fit_level(grids: Grids, embeddings_KD: np.ndarray, on_step: Progress | None = None) -> ContextArrays:
    """Fits a level's repeat flags by counting and its changed indices by maximum likelihood.

    Args:
      grids: of training clips.
      embeddings_KD: the codebook; codes that are near one another begin with weights that are.
      on_step: called with training steps done and in all.

    Raises:
      UserError: if there are fewer than 16 grids, or grids of a single step.
    """
    count, steps = grids.indices.shape[:2]
    if count < LEAST or steps < 2:
        raise UserError(f"entropy models need {LEAST} clips of two latent steps at least; found {count}")
    flags = np.stack([repeats(grid) for grid in grids.indices])
    activity = _activity(grids.indices[:, :-1], flags, len(embeddings_KD))
    network = fit_network(grids.indices, grids.coarse, grids.coarse_codes, embeddings_KD, on_step)
    return ContextArrays(activity, _repeat_chances(grids, activity), *network)


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
