"""A split of clips kept as ArrayRecord shards. Needs array_record and tensorflow_datasets (no TensorFlow)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.data.sharded_records import ShardedRecords
from vqvae_jax.errors import UserError


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
