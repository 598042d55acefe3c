"""One video file -> a unit of token records: what a killed run need not do again."""

import contextlib
import hashlib
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.codec.interface import Grid, Options, TokenModel
from vqvae_jax.data.card import version
from vqvae_jax.data.names import Source
from vqvae_jax.data.packed import read_packed, write_packed
from vqvae_jax.data.records import Digests
from vqvae_jax.errors import UserError
from vqvae_jax.tokens.card import CodedVideo, Settings
from vqvae_jax.tokens.records import TokenChunk, chunk_digest, filled_up, grids, to_example, token_features
from vqvae_jax.video.apart import Reader
from vqvae_jax.video.read import MISSING_LIMIT

_MOST = 2**28  # bytes of a record: chunks are limited to as many pixels
_LIBRARIES = ("jax", "av", "Pillow", "numpy")  # another version may give other tokens


class Coded(NamedTuple):
    """A video whose records lie in a unit."""

    video: CodedVideo
    bytes: int  # of its records
    crc32: int  # of all that is in the unit, before compression


class Coder:
    """How the videos of a data set are coded.

    Args:
      model, chunk_frames, size, fps: as for `write_token_shards`.

    Raises:
      UserError: if chunks of such pictures are too large to code.
    """

    def __init__(
        self, model: TokenModel, chunk_frames: int | None, size: tuple[int, int] | None, fps: Fraction | None
    ) -> None:
        self.model, self._options = model, Options(chunk_frames=chunk_frames)
        model.check(self._options)
        shapes: dict[str, Grid | None] = dict.fromkeys(model.levels)
        if size is not None:
            shapes |= self._grids(*size)
        self.settings = Settings(size, fps, shapes)
        self.features = token_features(shapes)

    @property
    def about(self) -> dict[str, Any]:
        """All that decides what is in a unit, as JSON values."""
        size, fps = self.settings.size, self.settings.fps
        return {
            "program": "tokenize 1",
            "bundle": self.model.digest,
            "size": "native" if size is None else list(size),
            "fps": "source" if fps is None else str(fps),
            "chunk_frames": self._options.chunk_frames,
            "libraries": {name: version(name) for name in _LIBRARIES},
        }

    def _grids(self, width: int, height: int) -> dict[str, Grid]:
        """Shape of each level's grid in a record of videos coded at this size.

        Raises:
          UserError: if chunks of such pictures are too large to code.
        """
        frames = self.model.chunk_frames(width, height, self._options)
        return grids(self.model, frames, height, width, f"size {width}x{height}")

    def code(self, reader: Reader, root: Path, source: Source, unit: Path) -> Coded:
        """Codes one file.

        Args:
          reader: reads it.
          root: of the tree.
          source: the file.
          unit: where its records go, and after them their digests and how often each code occurs. Whole or not there.

        Raises:
          UserError: if it cannot be used; begins with its path.
        """
        model = self.model
        path = root / source.path
        _check_name(source.path)
        digests: list[str] = []
        counts = {name: np.zeros(level.codes, np.int64) for name, level in model.levels.items()}
        frames = size_of_all = crc = 0
        info = reader.open(path)
        width, height = self.settings.size or (info.width, info.height)
        fps = info.rate if self.settings.fps is None else self.settings.fps
        size = model.chunk_frames(width, height, self._options)
        if self.settings.size is None:
            _check_native(path, self._grids(width, height))

        def records() -> Iterator[bytes]:
            nonlocal frames, size_of_all
            with contextlib.closing(reader.frames(fps, height, width)) as pictures:
                for number, (count, found) in enumerate(model.coded_chunks(pictures, size)):
                    indices = filled_up(found, model, size)
                    chunk = TokenChunk(source.path, source.label, number, count, height, width, fps, indices)
                    record = self.features.serialize_example(to_example(chunk))
                    yield record
                    size_of_all += len(record)
                    digests.append(chunk_digest(chunk))
                    frames += count
                    for level, grid in found.items():
                        counts[level] += np.bincount(grid.reshape(-1), minlength=len(counts[level]))
            yield json.dumps({"digests": digests, "counts": {n: c.tolist() for n, c in counts.items()}}).encode()

        def summed() -> Iterator[bytes]:
            nonlocal crc
            for record in records():
                crc = zlib.crc32(record, crc)
                yield record

        part = unit.with_suffix(".part")
        try:
            write_packed(part, summed())
            missing = reader.missing_frames
            decoded = round(frames * info.rate / fps)
            if missing > MISSING_LIMIT * (decoded + missing):
                raise UserError(f"{path}: damaged inside: {missing} of {decoded + missing} frames cannot be decoded")
            coded = CodedVideo(
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
            part.replace(unit)
        finally:
            part.unlink(missing_ok=True)
        return Coded(coded, size_of_all, crc)


class Totals:
    """Digests and counts of records as they go by."""

    def __init__(self, model: TokenModel) -> None:
        self.digests = Digests()
        self.counts = {name: np.zeros(level.codes, np.int64) for name, level in model.levels.items()}

    def records(self, unit: Path, coded: Coded) -> Iterator[bytes]:
        """The records of a unit.

        Raises:
          UserError: if it is damaged or missing.
        """
        try:
            before: bytes | None = None
            passed = crc = 0
            for record in read_packed(unit, _MOST):
                crc = zlib.crc32(record, crc)
                if before is not None:
                    yield before
                    passed += 1
                before = record
            facts = json.loads(before or b"")
            if not passed == len(facts["digests"]) == coded.video.chunks or crc != coded.crc32:
                raise ValueError(f"{passed} of {coded.video.chunks} chunks, checksum {crc:08x}")
            for digest in facts["digests"]:
                self.digests.add(digest)
            for level, total in self.counts.items():
                total += np.array(facts["counts"][level], np.int64)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise UserError(f"{unit} is damaged ({error}); remove it and give the same command again") from error


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
