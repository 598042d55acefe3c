"""A split kept as one `.npy` file, memory-mapped: for machines that have neither grain nor tensorflow_datasets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.errors import UserError


class NpyClips:
    """`DIR/<split>.npy`, (N, T, H, W, 3) uint8, with ids and digest in the card.

    Raises:
      UserError: if the file is damaged, cut short, or not what the card says.
    """

    def __init__(self, data_dir: Path, split: str, card: dict[str, Any]) -> None:
        entry = card["splits"][split]
        self.data_dir, self.split, self.digest = data_dir, split, str(entry["digest"])
        self.path = data_dir / f"{split}.npy"
        self._ids: list[str] = entry["ids"]
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
