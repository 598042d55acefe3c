"""A run's checkpoint to a bundle: weights and codebooks as they are, entropy models fitted on training clips."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vqvae_jax.codec.bundle import Bundle, WeightType
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.tokenizer import Tokenizer
from vqvae_jax.msvqvae.codec.weights import Weights, pack_weights, stored
from vqvae_jax.msvqvae.indices.context_model import ContextArrays
from vqvae_jax.msvqvae.indices.fit import LEAST, Grids, Progress, fit_level
from vqvae_jax.msvqvae.model import Codebooks
from vqvae_jax.training.snapshot import Snapshot


def fit(
    snapshot: Snapshot,
    clips: ClipSet,
    most_clips: int = 2000,
    weights: WeightType = "bfloat16",
    on_chunk: Progress | None = None,
    on_fit: Progress | None = None,
) -> Bundle:
    """The bundle of a checkpoint.

    Args:
      snapshot: of `load_snapshot`.
      clips: the split that the run was trained on; about `most_clips` of them are coded to fit the entropy models.
      weights: how they are stored; the tables are fitted with weights rounded like that.
      on_chunk: called with chunks coded so far and in all.
      on_fit: called, level by level, with steps of fitting done and in all.

    Raises:
      UserError: if there are too few clips.
    """
    if most_clips < LEAST:
        raise UserError(f"clips={most_clips}; the entropy models need {LEAST} at least")
    name, config = snapshot.experiment.name, snapshot.experiment.model
    tokenizer = Tokenizer(Weights(config, stored(snapshot.params, weights), snapshot.extras["codebooks"], {}))
    tables, chunks = fit_tables(tokenizer, clips, most_clips, on_chunk, on_fit)
    origin = {"step": snapshot.step, "checkpoint": snapshot.digest, "data": clips.digest, "table_chunks": chunks}
    return pack_weights(name, config, snapshot.params, snapshot.extras["codebooks"], tables, origin, weights)


def fit_tables(
    tokenizer: Tokenizer,
    clips: ClipSet,
    most_clips: int,
    on_chunk: Progress | None = None,
    on_fit: Progress | None = None,
) -> tuple[dict[str, ContextArrays], int]:
    """Entropy models of every level, from training videos coded as the encoder codes them; and the number of chunks.

    Raises:
      UserError: if there are too few clips.
    """
    found: dict[str, list[np.ndarray]] = {level: [] for level in tokenizer.levels}
    size = tokenizer.weights.config.clip[0]
    videos = spread_videos(clips, most_clips)
    total = sum(len(records) * clips.clip_shape[0] // size for records in videos)
    done = 0
    for records in videos:
        frames = itertools.chain.from_iterable(clips.read([record])[0] for record in records)
        for chunk in tokenizer.coded_chunks(frames, size):
            if chunk.frames < size:
                continue  # grids of one shape are fitted together
            for level, grid in chunk.indices.items():
                found[level].append(grid.astype(np.uint16))
            done += 1
            if on_chunk is not None:
                on_chunk(done, total)
    return fit_grids(found, tokenizer.weights.codebooks, on_fit), done


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
    videos = list(_videos(clips))
    every = max(1, len(clips) // most_clips)
    return videos[::every]


def _videos(clips: ClipSet) -> Iterator[list[int]]:
    """Runs of records whose ids are clips 0, 1, 2, ... of one video."""
    records = range(len(clips))
    named = (clip_id.rsplit("/", 1)[0] for clip_id in clips.ids(records))
    for _, group in itertools.groupby(zip(named, records, strict=True), key=lambda pair: pair[0]):
        yield [record for _, record in group]
