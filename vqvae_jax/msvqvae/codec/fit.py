"""A run's checkpoint to a bundle: weights and codebooks as they are, entropy models fitted on training clips."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from vqvae_jax.codec.bundle import Bundle, WeightType
from vqvae_jax.codec.interface import Indices
from vqvae_jax.codec.tensors import rounded_tree
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.tokenizer import Tokenizer
from vqvae_jax.msvqvae.codec.weights import Weights, pack_weights
from vqvae_jax.msvqvae.indices.context_arrays import ContextArrays
from vqvae_jax.msvqvae.indices.fit import LEAST, Grids, Progress, fit_level
from vqvae_jax.quantization.codebook import Codebooks
from vqvae_jax.training.snapshot import Snapshot

Show = Callable[[str, int, int], None]


def fit(snapshot: Snapshot, clips: ClipSet, most_clips: int, weights: WeightType, show: Show) -> Bundle:
    """The bundle of a checkpoint.

    Args:
      snapshot: of `load_snapshot`.
      clips: the split that the run was trained on; about `most_clips` of them, coded as the encoder codes videos, are
        what the entropy models are fitted to.
      weights: how they are stored; the tables are fitted with weights rounded like that.
      show: told of chunks coded, and level by level of steps of fitting: so many so far and in all.

    Raises:
      UserError: if there are too few clips.
    """
    if most_clips < LEAST:
        raise UserError(f"clips={most_clips}; the entropy models need {LEAST} at least")
    config, codebooks = snapshot.experiment.model, snapshot.extras["codebooks"]
    tokenizer = Tokenizer(Weights(config, rounded_tree(snapshot.params, weights), codebooks, {}))
    size, videos = config.clip[0], spread_videos(clips, most_clips)
    total = sum(len(records) * clips.clip_shape[0] // size for records in videos)
    chunks: list[Indices] = []
    for records in videos:
        frames = itertools.chain.from_iterable(clips.read([record])[0] for record in records)
        for chunk in tokenizer.coded_chunks(frames, size):
            if chunk.frames == size:  # grids of one shape are fitted together
                chunks.append({level: grid.astype(np.uint16) for level, grid in chunk.indices.items()})
                show("coding training clips", len(chunks), total)
    found = {level: [chunk[level] for chunk in chunks] for level in config.levels}
    tables = fit_grids(found, codebooks, partial(show, "fitting the entropy model"))
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest, "table_chunks": len(chunks)}
    return pack_weights(snapshot.experiment.name, config, snapshot.params, codebooks, tables, origin, weights)


def fit_grids(
    found: Mapping[str, Sequence[np.ndarray]], codebooks: Codebooks, on_fit: Progress | None = None
) -> dict[str, ContextArrays]:
    """Entropy models of every level from grids of indices [t, h, w], one per chunk, coarse level first.

    Raises:
      UserError: if there are too few.
    """
    tables: dict[str, ContextArrays] = {}
    coarse, coarse_codes = None, 0
    for level, grids in found.items():
        grid = np.stack(grids).astype(np.int64) if grids else np.zeros((0, 1, 1, 1), np.int64)
        embeddings = np.asarray(codebooks[level].embeddings)
        tables[level] = fit_level(Grids(grid, coarse, coarse_codes), embeddings, on_fit)
        coarse, coarse_codes = grid, len(embeddings)
    return tables


def spread_videos(clips: ClipSet, most_clips: int) -> list[list[int]]:
    """Records of whole videos, each in order, evenly spread over the split: about `most_clips` in all."""
    names = [clip_id.rsplit("/", 1)[0] for clip_id in clips.ids(range(len(clips)))]
    # Runs of records whose ids are clips 0, 1, 2, ... of one video.
    videos = [list(records) for _, records in itertools.groupby(range(len(clips)), key=names.__getitem__)]
    return videos[:: max(1, len(clips) // most_clips)]
