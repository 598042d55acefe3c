"""Training from memory: clips decoded once, or memory-mapped `.npy`. Needs neither grain nor tensorflow_datasets."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.details import read_details
from vqvae_jax.data.mixed import MixedClips
from vqvae_jax.data.order import Share
from vqvae_jax.data.records import clip_names
from vqvae_jax.data.source import ClipSet
from vqvae_jax.data.stream import BatchStream, Sample, SampleReader
from vqvae_jax.errors import UserError


def decoded_bytes(clips: ClipSet) -> int:
    """Size of the whole split as uint8."""
    return len(clips) * int(np.prod(clips.clip_shape, dtype=np.int64))


def free_memory() -> int | None:
    """Bytes that can be taken without swapping, or None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def fits_in_memory(clips: ClipSet, limit: int) -> bool:
    """Whether the decoded split is at most `limit` bytes and at most half of the free memory."""
    free = free_memory()
    return decoded_bytes(clips) <= (limit if free is None else min(limit, free // 2))


class MemoryClips:
    """A split decoded into one array. Records that cannot be read keep their reason and raise it when asked for."""

    def __init__(self, clips: ClipSet) -> None:
        needed, free = decoded_bytes(clips), free_memory()
        if free is not None and needed > 0.9 * free:
            raise UserError(
                f"split {clips.split!r} of {clips.data_dir} takes {needed / 2**30:.1f} GiB decoded, "
                f"{free / 2**30:.1f} GiB are free; use --data.source grain"
            )
        self._clips, self._unreadable = clips, dict[int, str]()
        self.data_dir, self.split, self.digest, self.clip_shape = (
            clips.data_dir,
            clips.split,
            clips.digest,
            clips.clip_shape,
        )
        self.mixture = getattr(clips, "mixture", None)
        self._array = np.zeros((len(clips), *clips.clip_shape), np.uint8)
        for record in range(len(clips)):
            try:
                self._array[record] = clips.read([record])[0]
            except UserError as error:
                self._unreadable[record] = str(error)

    def __len__(self) -> int:
        return len(self._array)

    def ids(self, records: Sequence[int]) -> list[str]:
        return self._clips.ids(records)

    def read(self, records: Sequence[int]) -> np.ndarray:
        for record in records:
            if record in self._unreadable:
                raise UserError(self._unreadable[record])
        return self._array[np.asarray(records, np.int64)]


class ArrayClips:
    """Clips that lie in memory already, (N, T, H, W, 3) uint8; named after where they are from, and numbered."""

    def __init__(self, clips: np.ndarray, name: str, split: str) -> None:
        if clips.dtype != np.uint8 or clips.ndim != 5 or clips.shape[-1] != 3 or not clips.size:
            raise UserError(f"{name}: {clips.dtype} of shape {clips.shape}; expected uint8 of shape (N, T, H, W, 3)")
        self.data_dir, self.split = Path(name), split
        self.clip_shape: tuple[int, int, int, int] = clips.shape[1:]
        digest = hashlib.sha256(str(clips.shape).encode())
        digest.update(np.ascontiguousarray(clips).data)
        self._clips, self.digest = clips, digest.hexdigest()

    def __len__(self) -> int:
        return len(self._clips)

    def ids(self, records: Sequence[int]) -> list[str]:
        return [f"{self.data_dir}/{record}" for record in records]

    def read(self, records: Sequence[int]) -> np.ndarray:
        return self._clips[np.asarray(records, np.int64)]


class NpyClips:
    """A split kept as one file, `DIR/<split>.npy`, (N, T, H, W, 3) uint8, memory-mapped; ids and digest in the card.

    Raises:
      UserError: if the file is damaged, cut short, or not what the card says.
    """

    def __init__(self, data_dir: Path, split: str, card: dict[str, Any]) -> None:
        entry = card["splits"][split]
        self.data_dir, self.split, self.digest = data_dir, split, str(entry["digest"])
        self.path = data_dir / f"{split}.npy"
        self._ids = _ids(data_dir, split, card)
        self._open()

    def _open(self) -> None:
        try:
            self._clips = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise UserError(f"{self.path} is damaged ({error}); write the data set again") from error
        shape, dtype = self._clips.shape, self._clips.dtype
        if dtype != np.uint8 or len(shape) != 5 or shape[-1] != 3 or shape[0] != len(self._ids):
            raise UserError(
                f"{self.path} holds {dtype} of shape {shape}; expected uint8 of shape ({len(self._ids)}, T, H, W, 3)"
            )
        self.clip_shape: tuple[int, int, int, int] = shape[1:]

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, records: Sequence[int]) -> list[str]:
        return [self._ids[r] for r in records]

    def read(self, records: Sequence[int]) -> np.ndarray:
        return self._clips[np.asarray(records, np.int64)]

    def __getstate__(self) -> dict[str, Any]:
        # A memory map pickles as its whole content; worker processes map the file themselves.
        return {name: value for name, value in self.__dict__.items() if name != "_clips"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()


def at_hand(clips: ClipSet) -> bool:
    """Whether the clips lie in memory, or in `.npy` files, which the system caches by itself."""
    return all(
        isinstance(part, NpyClips | ArrayClips) for part in (clips.parts if isinstance(clips, MixedClips) else [clips])
    )


def _ids(data_dir: Path, split: str, card: dict[str, Any]) -> list[str]:
    entry = card["splits"][split]
    rows = (
        ({"id": name} for name in entry["ids"]) if "ids" in entry else read_details(data_dir, card, clip_names(split))
    )
    ids = [row.get("id") for row in rows]
    if len(ids) != entry["clips"] or not all(isinstance(name, str) for name in ids):
        raise UserError(f"{data_dir}: the card does not name the {entry['clips']} clips of {split!r}; write it again")
    return [str(name) for name in ids]


def memory_stream(clips: ClipSet, config: PipelineConfig, share: Share) -> BatchStream:
    """An endless stream from memory; `.npy` splits stay on disk, mapped, and the system caches what is used.

    Raises:
      ConfigError: if the batch does not fit the split.
      UserError: if the decoded split is larger than the free memory.
    """
    reader = SampleReader(clips if at_hand(clips) else MemoryClips(clips), config)

    def samples_from(position: int) -> Iterator[Sample]:
        return (reader[position + share.position(index)] for index in itertools.count())

    return BatchStream(clips, config, samples_from, share)
