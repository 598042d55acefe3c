"""Frames files -> clips in `.npy` files or ArrayRecord shards: the work of one task is one part of one split."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.pool import Tick
from vqvae_jax.data.record_shards import SHARD_BYTES, Shard, shard_names, write_shard_file, write_tfds_metadata
from vqvae_jax.data.records import DATASET_NAME, clip_digest, clip_id, features

ClipShape = tuple[int, int, int, int]  # (T, H, W, 3)


class VideoClips(NamedTuple):
    """A decoded video to be cut into clips."""

    name: str
    label: str
    group: str
    frames_file: Path
    clips: int


class Part(NamedTuple):
    """Consecutive videos of one split; written by one task, and their frames files removed after it."""

    file: Path  # the shard, or the split's .npy file
    videos: list[VideoClips]
    clip_shape: ClipShape
    step: int  # frames from one clip to the next
    offset: int = 0  # byte at which the first clip lies (.npy only)


class Written(NamedTuple):
    """A part that is on disk."""

    clips: int
    bytes: int
    digests: list[str]  # one per clip


def cut(part: Part) -> Iterator[tuple[VideoClips, str, np.ndarray]]:
    """The clips of a part, in order, with their ids."""
    length, *picture = part.clip_shape
    for video in part.videos:
        frames_THWC = np.memmap(video.frames_file, np.uint8, "r").reshape(-1, *picture)
        for number in range(video.clips):
            start = number * part.step
            yield video, clip_id(video.name, number), np.array(frames_THWC[start : start + length])


def write_npy_part(part: Part, tick: Tick) -> Written:
    """Writes clips at their place in a file that exists already.

    Not through a memory map: there a full disk kills the process instead of raising.
    """
    digests: list[str] = []
    with part.file.open("r+b") as file:
        file.seek(part.offset)
        for _, name, clip_THWC in cut(part):
            file.write(clip_THWC.data)
            digests.append(clip_digest(name, clip_THWC))
            tick()
    _discard(part)
    return Written(len(digests), len(digests) * int(np.prod(part.clip_shape)), digests)


def npy_parts(folder: Path, split: str, videos: list[VideoClips], clip_shape: ClipShape, step: int) -> list[Part]:
    """Creates `<split>.npy` at its final size, and plans who writes what in it."""
    path = folder / f"{split}.npy"
    offset = _create_npy(path, sum(v.clips for v in videos), clip_shape)
    parts = []
    for group in _by_bytes(videos, clip_shape):
        parts.append(Part(path, group, clip_shape, step, offset))
        offset += sum(v.clips for v in group) * int(np.prod(clip_shape))
    return parts


def shard_parts(folder: Path, split: str, videos: list[VideoClips], clip_shape: ClipShape, step: int) -> list[Part]:
    """Plans the shards of a split."""
    groups = _by_bytes(videos, clip_shape)
    names = shard_names(DATASET_NAME, split, len(groups))
    return [Part(folder / name, group, clip_shape, step) for name, group in zip(names, groups, strict=True)]


def _by_bytes(videos: list[VideoClips], clip_shape: ClipShape) -> list[list[VideoClips]]:
    """Consecutive whole videos, in lists of about `SHARD_BYTES` of clips."""
    groups: list[list[VideoClips]] = []
    room = 0
    for video in videos:
        if room <= 0:
            groups.append([])
            room = SHARD_BYTES
        groups[-1].append(video)
        room -= video.clips * int(np.prod(clip_shape))
    return groups


def _create_npy(path: Path, clips: int, clip_shape: ClipShape) -> int:
    """Makes a `.npy` file of the final size, and returns the offset of its data."""
    shape = (clips, *clip_shape)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        offset = file.tell()
        file.truncate(offset + int(np.prod(shape)))
    return offset


def write_shard(part: Part, tick: Tick) -> Written:
    """Writes one ArrayRecord shard of serialised examples.

    Raises:
      OSError: if the disk is full or fails.
    """
    digests: list[str] = []
    feature = features(part.clip_shape)

    def records() -> Iterator[bytes]:
        for video, name, clip_THWC in cut(part):
            example = {"clip": clip_THWC, "id": name, "label": video.label, "group": video.group}
            digests.append(clip_digest(name, clip_THWC))
            yield feature.serialize_example(example)
            tick()

    shard = write_shard_file(part.file, records())
    _discard(part)
    return Written(shard.records, shard.bytes, digests)


def write_metadata(folder: Path, clip_shape: ClipShape, shards: list[tuple[str, Written]]) -> None:
    """Writes what `tfds.builder_from_directory` reads.

    Args:
      folder: the data set's.
      clip_shape: (T, H, W, 3).
      shards: split and size of every shard, in order.
    """
    sizes = [(split, Shard(written.clips, written.bytes)) for split, written in shards]
    write_tfds_metadata(folder, DATASET_NAME, features(clip_shape), sizes)


def _discard(part: Part) -> None:
    """Frames files go as soon as their clips are written, so that the disk never holds everything twice."""
    for video in part.videos:
        video.frames_file.unlink()
