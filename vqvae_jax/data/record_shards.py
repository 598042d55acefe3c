"""Writing ArrayRecord shards and the metadata by which `tfds.builder_from_directory` reads them, without TensorFlow."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

# group_size 1: random access to single records. zstd level 1 takes a third of the default's time for 3 % more bytes.
OPTIONS = "group_size:1,zstd:1"
SHARD_BYTES = 64 * 2**20  # about what a shard holds; does not depend on the number of workers, so neither do the shards


class Shard(NamedTuple):
    """A shard that is on disk."""

    records: int
    bytes: int  # of the records, before compression


def missing_library() -> str | None:
    """Which of the libraries that shards need is not installed; None if all are."""
    try:
        import array_record.python.array_record_module  # noqa: F401
        import tensorflow_datasets  # noqa: F401
    except ImportError as error:
        return error.name
    return None


def shard_names(dataset: str, split: str, count: int) -> list[str]:
    """File names of a split's shards, as TFDS expects them."""
    return [f"{dataset}-{split}.array_record-{i:05d}-of-{count:05d}" for i in range(count)]


def write_shard_file(path: Path, records: Iterable[bytes], options: str = OPTIONS) -> Shard:
    """Writes one shard of serialised examples, or of any records.

    Raises:
      OSError: if the disk is full or fails.
    """
    from array_record.python.array_record_module import ArrayRecordWriter

    count = size = 0
    try:
        writer = ArrayRecordWriter(str(path), options)
        for record in records:
            writer.write(record)
            count, size = count + 1, size + len(record)
        writer.close()
    except RuntimeError as error:  # the writer's only kind
        full = os.strerror(errno.ENOSPC) in str(error)
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error).split(";")[0]) from error
    return Shard(count, size)


def read_shard_file(path: Path) -> Iterator[bytes]:
    """The records of a shard, one by one.

    Raises:
      ValueError: if it is damaged.
    """
    from array_record.python.array_record_module import ArrayRecordReader

    try:
        reader = ArrayRecordReader(str(path), options="readahead_buffer_size:0")
        for number in range(reader.num_records()):
            yield reader.read([number])[0]
    except RuntimeError as error:  # the reader's only kind
        raise ValueError(str(error).split(";")[0]) from error


class Spool:
    """Records in a file until it is known how many there are, and so into which shards they go.

    A context manager that removes it. Only the records' lengths are kept in memory.

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

    def __exit__(self, *_: object) -> None:
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


def write_tfds_metadata(folder: Path, dataset: str, features: Any, shards: Sequence[tuple[str, Shard]]) -> None:
    """Writes what `tfds.builder_from_directory` reads.

    Args:
      folder: the data set's.
      dataset: its name, with which the names of its shards begin.
      features: of its records, a `tfds.features.FeaturesDict`.
      shards: split and size of every shard, in order.
    """
    import tensorflow_datasets as tfds

    infos = []
    for split in dict.fromkeys(split for split, _ in shards):
        mine = [shard for owner, shard in shards if owner == split]
        template = tfds.core.ShardedFileTemplate(
            data_dir=folder, dataset_name=dataset, split=split, filetype_suffix="array_record"
        )
        infos.append(
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[shard.records for shard in mine],
                num_bytes=sum(shard.bytes for shard in mine),
                filename_template=template,
            )
        )
    tfds.folder_dataset.write_metadata(data_dir=folder, features=features, split_infos=infos, check_data=False)
