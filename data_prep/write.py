"""Frames files -> clips in `.npy` files or ArrayRecord shards: the work of one task is one part of one split."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.frames_file import Layout, Stored, stored_clips
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
    stored: Stored
    clips: int


class Part(NamedTuple):
    """Consecutive videos of one split; written by one task."""

    file: Path  # the shard, or the split's .npy file
    videos: list[VideoClips]
    clip_shape: ClipShape
    layout: Layout
    offset: int = 0  # byte at which the first clip lies (.npy only)
    file_clips: int = 0  # of the whole file (.npy only)


class Written(NamedTuple):
    """A part that is on disk."""

    clips: int
    bytes: int
    digests: list[str]  # one per clip


def cut(part: Part) -> Iterator[tuple[VideoClips, str, np.ndarray]]:
    """The clips of a part, in order, with their ids."""
    for video in part.videos:
        for number, pixels in enumerate(stored_clips(video.frames_file, video.stored, part.layout)):
            clip_THWC = np.frombuffer(pixels, np.uint8).reshape(part.clip_shape)
            yield video, clip_id(video.name, number), clip_THWC


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
    return Written(len(digests), len(digests) * int(np.prod(part.clip_shape)), digests)


def npy_parts(folder: Path, split: str, videos: list[VideoClips], clip_shape: ClipShape, layout: Layout) -> list[Part]:
    """Plans who writes what in `<split>.npy`."""
    path = folder / f"{split}.npy"
    clips, size = sum(v.clips for v in videos), int(np.prod(clip_shape))
    offset = len(_npy_header(clips, clip_shape))
    parts = []
    for group in _by_bytes(videos, clip_shape):
        parts.append(Part(path, group, clip_shape, layout, offset, clips))
        offset += sum(v.clips for v in group) * size
    return parts


def npy_bytes(part: Part) -> int:
    """Size of the whole `.npy` file that a part belongs to."""
    return len(_npy_header(part.file_clips, part.clip_shape)) + part.file_clips * int(np.prod(part.clip_shape))


def create_npy(part: Part) -> None:
    """Makes the `.npy` file of a part at its final size, unless it is there."""
    if part.file.exists() and part.file.stat().st_size == npy_bytes(part):
        return
    with part.file.open("wb") as file:
        file.write(_npy_header(part.file_clips, part.clip_shape))
        file.truncate(npy_bytes(part))


def _npy_header(clips: int, clip_shape: ClipShape) -> bytes:
    header = io.BytesIO()
    facts = {"descr": "|u1", "fortran_order": False, "shape": (clips, *clip_shape)}
    np.lib.format.write_array_header_1_0(header, facts)
    return header.getvalue()


def shard_parts(
    folder: Path, split: str, videos: list[VideoClips], clip_shape: ClipShape, layout: Layout
) -> list[Part]:
    """Plans the shards of a split."""
    groups = _by_bytes(videos, clip_shape)
    names = shard_names(DATASET_NAME, split, len(groups))
    return [Part(folder / name, group, clip_shape, layout) for name, group in zip(names, groups, strict=True)]


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
