"""What an index tells about the next one: bits per index of a bundle, given one neighbour that the decoder has already.

    python -m benchmarks.conditional_entropy --bundle FILE --data DIR [--split validation]

Conditional distributions are counted on the training split and measured on another one, so nothing is promised that a
coder with these tables would not reach. Counts are smoothed towards the distribution without a neighbour; how much is
chosen on the training split, by counts of its odd clips under a model of its even ones.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.inputs import Count, bundle_facts, clips_of, data_facts
from benchmarks.report import Result, Row, benchmark
from vqvae_jax.codec.interface import TokenModel
from vqvae_jax.data.source import ClipSet
from vqvae_jax.families import load_model, token_model

SMOOTHING = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
#: Neighbours on the same grid: axis along which they precede the index.
NEIGHBOURS = {"the step before": 0, "above": 1, "left": 2}
NOTHING, COARSE = "nothing", "the coarse index"


def contexts(grid_THW: np.ndarray, coarse: np.ndarray | None, codes: int) -> dict[str, np.ndarray]:
    """For each index of a grid the values it may be guessed from; `codes` stands where there is no neighbour.

    Args:
      grid_THW: [t, h, w] indices in [0, codes).
      coarse: grid of the level before, whose sizes divide those of this one.
    """
    found = {NOTHING: np.zeros_like(grid_THW)}
    for name, axis in NEIGHBOURS.items():
        before = np.roll(grid_THW, 1, axis)
        before[(slice(None),) * axis + (0,)] = codes
        found[name] = before
    if coarse is not None:
        for axis, fine in enumerate(grid_THW.shape):
            coarse = np.repeat(coarse, fine // coarse.shape[axis], axis)
        found[COARSE] = coarse
    return found


def count(grid: np.ndarray, context: np.ndarray, pairs: np.ndarray) -> None:
    """Adds a grid's pairs of context and index to `pairs`."""
    codes = pairs.shape[1]
    found, times = np.unique(context.ravel() * codes + grid.ravel(), return_counts=True)
    pairs.reshape(-1)[found] += times


def bits_per_index(fitted: np.ndarray, measured: np.ndarray, smoothing: float) -> float:
    """Cross-entropy of counts under the distributions of other counts.

    Args:
      fitted: [contexts, K].
      measured: [contexts, K].
      smoothing: counts that the distribution without context is worth in every context.
    """
    total = fitted.sum(axis=0)
    prior = (total + 1) / (total.sum() + len(total))
    rows, columns = np.nonzero(measured)
    seen = fitted.sum(axis=1)[rows]
    probability = (fitted[rows, columns] + smoothing * prior[columns]) / (seen + smoothing)
    return float(-(measured[rows, columns] * np.log2(probability)).sum() / measured.sum())


def best_smoothing(even: np.ndarray, odd: np.ndarray) -> float:
    """The one of `SMOOTHING` under which the even clips tell most about the odd ones."""
    return min(SMOOTHING, key=lambda smoothing: bits_per_index(even, odd, smoothing))


def grids(model: TokenModel, clips: ClipSet, what: str) -> Iterator[dict[str, np.ndarray]]:
    """Every clip's indices by level, coarse first."""
    for record in tqdm(range(len(clips)), desc=what, disable=None):
        clip = clips.read([record])[0]
        ((_, indices),) = model.coded_chunks(clip, len(clip))
        yield {name: grid.astype(np.int64) for name, grid in indices.items()}


def counted(model: TokenModel, clips: ClipSet, what: str) -> tuple[list[dict[tuple[str, str], np.ndarray]], Row]:
    """Counts of even and of odd clips by (level, context), and how often an index equals its neighbours."""
    parts: list[dict[tuple[str, str], np.ndarray]] = [{}, {}]
    same: dict[tuple[str, str], list[float]] = {}
    for number, levels in enumerate(grids(model, clips, what)):
        coarse = None
        for level, grid in levels.items():
            codes = model.levels[level].codes
            for name, context in contexts(grid, coarse, codes).items():
                # Any context's alphabet: this level's codes and one for "none", or the coarse level's.
                size = max(other.codes for other in model.levels.values()) + 1
                pairs = parts[number % 2].setdefault((level, name), np.zeros((size, codes), np.int64))
                count(grid, context, pairs)
                if name in NEIGHBOURS:
                    same.setdefault((level, name), []).append(float(np.mean((grid == context)[context < codes])))
            coarse = grid
    return parts, {f"{level} {name}": float(np.mean(shares)) for (level, name), shares in same.items()}


@benchmark
def main(bundle: Path, data: Path, split: str = "validation", clips: Count = 0) -> Result:
    """Counts and measures.

    Args:
      data: data set of data_prep with a training split.
      split: split that is measured.
    """
    model = token_model(load_model(bundle))
    rows: list[Row] = []
    with clips_of(data, "train", clips) as fit, clips_of(data, split, clips) as seen:
        (even, odd), _ = counted(model, fit, "train")
        (first, second), same = counted(model, seen, split)
    for (level, name), pairs in even.items():
        other = odd.get((level, name), np.zeros_like(pairs))
        smoothing = best_smoothing(pairs, other) if other.any() else SMOOTHING[0]
        measured = first[level, name] + second.get((level, name), 0)
        bits = bits_per_index(pairs + other, measured, smoothing)
        rows.append({"level": level, "given": name, "bits per index": bits})
        rows[-1] |= {"equal to it": same.get(f"{level} {name}"), "smoothing": smoothing}
    return {
        "rows": rows,
        "bundle": bundle_facts(model),
        "fitted": data_facts(fit),
        "measured": data_facts(seen),
    }


if __name__ == "__main__":
    main()
