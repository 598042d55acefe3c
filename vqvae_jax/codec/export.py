"""A run's checkpoint to a bundle: weights and codebooks as they are, entropy tables fitted on training clips."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from vqvae_jax.codec.bundle import save_bundle
from vqvae_jax.data.source import ClipSet
from vqvae_jax.entropy.fit import Grids, fit_level
from vqvae_jax.entropy.tables import TableArrays
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.snapshot import Snapshot
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.reconstruct import encode

BATCH = 4


class Export(NamedTuple):
    """What a bundle was made of."""

    path: Path
    digest: str
    bytes: int
    clips: int  # that the tables were fitted on


def export_bundle(
    snapshot: Snapshot,
    clips: ClipSet,
    path: str | Path,
    weights: str = "bfloat16",
    most_clips: int = 2000,
    overwrite: bool = False,
    on_batch: Callable[[int, int], None] | None = None,
) -> Export:
    """Writes the bundle of a checkpoint.

    Args:
      snapshot: of `load_snapshot`.
      clips: training clips for the tables; `most_clips` of them, evenly spread, are coded.
      path: file to write.
      weights: "bfloat16" or "float32".
      on_batch: called with clips coded so far and in all.

    Raises:
      UserError: if the data are not those the run was trained on, too few, or the file exists or cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists; use --force to overwrite it")
    trained_on = snapshot.stream_state.get("digest")
    if clips.digest != trained_on:
        raise UserError(
            f"{clips.data_dir} ({clips.split}, digest {clips.digest[:8]}) is not what the run was trained on "
            f"({str(trained_on)[:8]}); the tables must be fitted on its training clips: --data"
        )
    tables = fit_tables(snapshot, clips, most_clips, on_batch)
    used = min(most_clips, len(clips))
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest, "table_clips": used}
    model = snapshot.experiment.model
    digest = save_bundle(
        path,
        snapshot.experiment.name,
        model,
        snapshot.params,
        snapshot.codebooks,
        tables,
        origin,
        weights=weights,
        overwrite=overwrite,
    )
    return Export(path, digest, path.stat().st_size, used)


def fit_tables(
    snapshot: Snapshot, clips: ClipSet, most_clips: int, on_batch: Callable[[int, int], None] | None = None
) -> dict[str, TableArrays]:
    """Entropy tables of every level from the indices of training clips."""
    model = MSVQVAE(snapshot.experiment.model)
    run = jax.jit(partial(encode, model, snapshot.params, snapshot.codebooks))
    count = min(most_clips, len(clips))
    records = [index * len(clips) // count for index in range(count)]
    found: dict[str, list[np.ndarray]] = {level: [] for level in snapshot.experiment.model.levels}
    frames = snapshot.experiment.data.frames
    for begin in range(0, count, BATCH):
        batch = records[begin : begin + BATCH]
        # The last batch is filled up, so that nothing is compiled twice, and cut again.
        filled = batch + batch[-1:] * (BATCH - len(batch))
        indices = run(clips.read(filled)[:, :frames])
        for level, grids in found.items():
            grids.append(np.asarray(indices[level][: len(batch)], np.uint16))
        if on_batch is not None:
            on_batch(begin + len(batch), count)
    tables, coarse = {}, None
    for level, grids in found.items():
        grid = np.concatenate(grids).astype(np.int64)
        tables[level] = fit_level(Grids(grid, coarse), np.asarray(snapshot.codebooks[level].embeddings))
        coarse = grid
    return tables
