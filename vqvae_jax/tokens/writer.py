"""A tree of video files to a data set of tokens: find, code, write, describe."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from vqvae_jax.codec.interface import Grid, Options, TokenModel
from vqvae_jax.data.card import write_card_files
from vqvae_jax.data.names import Skipped, Source, find_files, nothing_usable
from vqvae_jax.data.partial_folder import PartialFolder, refuse_output_among_videos
from vqvae_jax.data.record_shards import Spool, missing_library, write_tfds_metadata
from vqvae_jax.errors import UserError
from vqvae_jax.tokens.card import Card, CodedVideo, Settings, make_card, page
from vqvae_jax.tokens.records import (
    DATASET_NAME,
    SPLIT,
    TokenChunk,
    chunk_digest,
    filled_up,
    grids,
    to_example,
    token_features,
)
from vqvae_jax.video.read import MISSING_LIMIT
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import open_source

MAX_SHARDS = 99_999  # their names have five digits
Watch = Callable[[Sequence[Source]], Iterable[Source]]


def write_token_shards(
    root: str | Path,
    out: str | Path,
    model: TokenModel,
    chunk_frames: int | None = None,
    *,
    size: tuple[int, int] | None = None,
    fps: Fraction | None = None,
    shards: int | None = None,
    strict: bool = False,
    watch: Watch = iter,
) -> Card:
    """Writes the indices of every video below `root` to the new folder `out`; returns its card.

    One record per chunk of a video, in the order of the videos' paths. `out` appears when it is whole. Memory does not
    grow with the length of a video. A file that cannot be used is skipped and listed in the card with the reason.

    Args:
      root: a folder; all below it is searched.
      out: must not exist.
      model: that codes them.
      chunk_frames: frames of a record; by default the model's choice.
      size: width and height to code at; by default each video's own, and then grids differ in shape.
      fps: frames per second to code at; by default each video's own.
      shards: how many files, at most one per record; by default one per 64 MiB.
      strict: make the first file that cannot be used an error.
      watch: passes the files on, to show progress.

    Raises:
      UserError: if there is no usable video, `out` exists, lies in `root` or cannot be written, `shards` is below 1, a
        library is missing, or (with `strict`) a file cannot be used. Nothing is left behind then.
    """
    root, out = Path(root), Path(out)
    if shards is not None and not 1 <= shards <= MAX_SHARDS:
        raise UserError(f"shards={shards}; expected 1 to {MAX_SHARDS}")
    refuse_output_among_videos(out, root)
    if library := missing_library():
        raise UserError(f"token shards need {library}; install it")
    sources, skipped = find_files(root)
    options = Options(chunk_frames=chunk_frames)
    model.check(options)
    work = _Work(root, model, options, size, fps)
    with PartialFolder(out) as folder:
        with Spool(folder / ".spool") as spool:
            for source in watch(sources):
                try:
                    work.add(source, spool)
                except UserError as error:
                    reason = str(error).removeprefix(f"{root / source.path}: ")
                    if strict:
                        raise UserError(f"--strict: {source.path}: {reason}; without --strict it is listed") from error
                    skipped.append(Skipped(source.path, reason))
            if not work.videos:
                raise UserError(nothing_usable(root, sorted(skipped)))
            sizes = spool.write_shards(folder, DATASET_NAME, SPLIT, shards)
        write_tfds_metadata(folder, DATASET_NAME, work.features, [(SPLIT, shard) for shard in sizes])
        card = make_card(model, work.settings, work.videos, sorted(skipped), work.digests, work.counts, sizes)
        write_card_files(folder, card, page(card))
    return card


class _Work:
    """What has been coded so far."""

    def __init__(
        self, root: Path, model: TokenModel, options: Options, size: tuple[int, int] | None, fps: Fraction | None
    ) -> None:
        self._root, self._model, self._options = root, model, options
        shapes: dict[str, Grid | None] = dict.fromkeys(model.levels)
        if size is not None:
            shapes |= self._grids(*size)
        self.settings = Settings(size, fps, shapes)
        self.features = token_features(shapes)
        self.videos: list[CodedVideo] = []
        self.digests: list[str] = []
        self.counts = {name: np.zeros(level.codes, np.int64) for name, level in model.levels.items()}

    def add(self, source: Source, spool: Spool) -> None:
        """Codes one file; its records stay only if all of it can be used.

        Raises:
          UserError: if it cannot; names the reason.
        """
        kept = len(spool)
        try:
            video, digests, counts = self._coded(source, spool)
        except UserError:
            spool.cut(kept)
            raise
        self.videos.append(video)
        self.digests += digests
        for level, count in counts.items():
            self.counts[level] += count

    def _grids(self, width: int, height: int) -> dict[str, Grid]:
        """Shape of each level's grid in a record of videos coded at this size.

        Raises:
          UserError: if chunks of such pictures are too large to code.
        """
        frames = self._model.chunk_frames(width, height, self._options)
        return grids(self._model, frames, height, width, f"size {width}x{height}")

    def _coded(self, source: Source, spool: Spool) -> tuple[CodedVideo, list[str], dict[str, np.ndarray]]:
        model = self._model
        path = self._root / source.path
        _check_name(source.path)
        digests: list[str] = []
        counts = {level: np.zeros_like(total) for level, total in self.counts.items()}
        frames = 0
        with open_source(path) as video:
            info = video.info
            width, height = self.settings.size or (info.width, info.height)
            fps = info.rate if self.settings.fps is None else self.settings.fps
            size = model.chunk_frames(width, height, self._options)
            if self.settings.size is None:
                _check_native(path, self._grids(width, height))
            pictures = map(resizer(height, width), video.frames(fps))
            for number, (count, found) in enumerate(model.coded_chunks(pictures, size)):
                indices = filled_up(found, model, size)
                chunk = TokenChunk(source.path, source.label, number, count, height, width, fps, indices)
                spool.add(self.features.serialize_example(to_example(chunk)))
                digests.append(chunk_digest(chunk))
                frames += count
                for level, grid in found.items():
                    counts[level] += np.bincount(grid.reshape(-1), minlength=len(counts[level]))
            missing = video.missing_frames
        decoded = round(frames * info.rate / fps)
        if missing > MISSING_LIMIT * (decoded + missing):
            raise UserError(f"{path}: damaged inside: {missing} of {decoded + missing} frames cannot be decoded")
        coded_video = CodedVideo(
            path=source.path,
            label=source.label,
            chunks=len(digests),
            frames=frames,
            width=width,
            height=height,
            fps=fps,
            chunk_frames=size,
            aspect=info.display_aspect or Fraction(info.width, info.height),
            source_fps=info.rate,
            missing_frames=missing,
            source_sha256=_sha256(path),
        )
        return coded_video, digests, counts


def _check_native(path: Path, grids: Mapping[str, Grid]) -> None:
    for level, grid in grids.items():
        if math.prod(grid) == 1:  # TFDS writes a tensor of unknown shape and two bytes, but cannot read it
            raise UserError(f"{path}: too small for --size native: its chunks have a single {level} index")


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UserError("its name is not UTF-8") from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
