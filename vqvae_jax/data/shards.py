"""Random access to the records of a TFDS data set kept as ArrayRecord shards, and to clips among them.

Needs array_record and tensorflow_datasets, but no TensorFlow.
"""

import bisect
import itertools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.data.record_shards import missing_library
from vqvae_jax.errors import UserError


class ShardedRecords:
    """One split's records; opens files on first use, safe to use from many threads, and can be sent to other processes.

    Attributes:
      features: of a record, a `tfds.features.FeaturesDict`.

    Args:
      data_dir: the folder.
      split: its name.
      expected: records by the card.
      unit: what a record is, for messages.
      advice: what else to do where the libraries are not installed, for messages; may be empty.

    Raises:
      UserError: if the libraries, the data set's metadata or a shard are missing, or the metadata contradict the card.
    """

    def __init__(self, data_dir: Path, split: str, expected: int, unit: str, advice: str) -> None:
        self.data_dir, self.split, self._advice = data_dir, split, advice
        self.features, self._shards, lengths = _metadata(data_dir, split, advice)
        self._ends = list(itertools.accumulate(lengths))
        if self._ends[-1] != expected:
            raise UserError(
                f"{data_dir}: the card counts {expected} {unit} in split {split!r}, the shards {self._ends[-1]}; "
                "write the data set again"
            )
        self._reset()

    def _reset(self) -> None:
        self._readers: dict[int, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._ends[-1]

    def example(self, record: int) -> dict[str, Any]:
        """A record's features by name.

        Raises:
          IndexError: if there is no such record.
          UserError: names the file, if it is damaged.
        """
        if not 0 <= record < len(self):
            raise IndexError(f"record {record} of {len(self)}")
        shard = bisect.bisect_right(self._ends, record)
        first = self._ends[shard - 1] if shard else 0
        path = self._shards[shard]
        try:
            serialized = self._reader(shard).read([record - first])[0]
            if not serialized:
                raise ValueError("empty record")
            return self.features.deserialize_example_np(serialized)
        # RuntimeError: ArrayRecord's checksums; ValueError, KeyError: a record that is not one of our examples.
        except (RuntimeError, ValueError, KeyError, IndexError, OSError) as error:
            reason = str(error).split(";")[0]
            raise UserError(f"{path}: record {record - first} cannot be read ({reason})") from error

    def _reader(self, shard: int) -> Any:
        from array_record.python.array_record_module import ArrayRecordReader

        with self._lock:
            if shard not in self._readers:
                reader = ArrayRecordReader(str(self._shards[shard]), options="readahead_buffer_size:0")
                expected = self._ends[shard] - (self._ends[shard - 1] if shard else 0)
                # A cut shard opens without complaint, counts no records and reads each as empty.
                if not reader.ok() or reader.num_records() != expected:
                    raise ValueError(f"the shard is cut or damaged: {reader.num_records()} of {expected} records")
                self._readers[shard] = reader
            return self._readers[shard]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_readers", "_lock", "features")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.features, _, _ = _metadata(self.data_dir, self.split, self._advice)
        self._reset()


class ShardedClips(ShardedRecords):
    """Random access to the shards that `data_prep` writes.

    Raises:
      UserError: if the libraries, the data set's metadata or a shard are missing, or the metadata contradict the card.
    """

    def __init__(self, data_dir: Path, split: str, card: dict[str, Any]) -> None:
        entry = card["splits"][split]
        advice = ", or write the data set with `data_prep --format npy`"
        super().__init__(data_dir, split, entry["clips"], "clips", advice)
        if "clip" not in self.features or len(self.features["clip"].shape) != 4:
            raise UserError(f"{data_dir} is not a data set of data_prep: its records have no feature clip (T, H, W, 3)")
        self.digest = str(entry["digest"])
        self.clip_shape: tuple[int, int, int, int] = tuple(self.features["clip"].shape)

    def ids(self, records: Sequence[int]) -> list[str]:
        return [self.example(record)["id"].decode() for record in records]

    def read(self, records: Sequence[int]) -> np.ndarray:
        return np.stack([self.example(record)["clip"] for record in records])


def _metadata(data_dir: Path, split: str, advice: str) -> tuple[Any, list[Path], list[int]]:
    """Features, shard files and records per shard."""
    if library := missing_library():
        raise UserError(f"{data_dir} holds ArrayRecord shards, and {library} is not installed; install it{advice}")
    import tensorflow_datasets as tfds

    try:
        info = tfds.builder_from_directory(data_dir).info
        instructions = info.splits[split].file_instructions
    except (FileNotFoundError, KeyError, ValueError, OSError) as error:
        raise UserError(f"{data_dir}: the metadata of split {split!r} cannot be read ({error})") from error
    shards = [Path(i.filename) for i in instructions]
    missing = next((path for path in shards if not path.is_file()), None)
    if missing is not None:
        raise UserError(f"{missing} is missing; write the data set again")
    return info.features, shards, [i.take for i in instructions]
