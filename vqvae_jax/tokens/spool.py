"""Serialised records in one file until it is known how many there are, and so into which shards they go."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from vqvae_jax.data.record_shards import SHARD_BYTES, Shard, shard_names, write_shard_file


class Spool:
    """A file of records; a context manager that removes it. Only the records' lengths are kept in memory.

    Raises:
      OSError: if the disk is full or fails, from any method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("x+b")
        self._lengths: list[int] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, record: bytes) -> None:
        """Appends one."""
        self._file.write(record)
        self._lengths.append(len(record))
        self._bytes += len(record)

    def cut(self, count: int) -> None:
        """Forgets all records but the first `count`."""
        self._bytes -= sum(self._lengths[count:])
        del self._lengths[count:]
        self._file.seek(self._bytes)
        self._file.truncate()

    def write_shards(self, folder: Path, dataset: str, split: str, count: int | None) -> list[Shard]:
        """Deals the records out, in order and as evenly as their number allows.

        Args:
          count: of shards, at most one per record; by default one per 64 MiB.
        """
        count = min(len(self), -(-self._bytes // SHARD_BYTES) if count is None else count)
        self._file.seek(0)
        shards = []
        for number, name in enumerate(shard_names(dataset, split, count)):
            begin, end = number * len(self) // count, (number + 1) * len(self) // count
            shards.append(write_shard_file(folder / name, self._read(begin, end)))
        return shards

    def _read(self, begin: int, end: int) -> Iterator[bytes]:
        for length in self._lengths[begin:end]:
            yield self._file.read(length)
