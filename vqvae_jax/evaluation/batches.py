"""A split through a mapped function, batch by batch: padded to one compiled shape, the padding cut off again."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from vqvae_jax import stopping
from vqvae_jax.data.source import ClipSet
from vqvae_jax.training.compiled import explain_out_of_memory
from vqvae_jax.training.mapping import DeviceMap

Advance = Callable[[int], None]


class Batches:
    """Clips in batches over the local devices.

    Args:
      clips: the split.
      count: only its first so many clips; all of them if it has fewer.
      batch_size: clips at a time; rounded up to a multiple of the number of devices.
    """

    def __init__(self, clips: ClipSet, count: int, batch_size: int) -> None:
        self.clips, self.count = clips, min(count, len(clips))
        self.devices = DeviceMap("auto", jax.local_devices())
        parts = len(self.devices.devices)
        self.size = -(-min(batch_size, self.count) // parts) * parts

    def map(
        self,
        mapped: Callable[..., tuple[Any, ...]],
        replicated: Sequence[Any],
        records: Sequence[int] | None = None,
        fetch: int | None = None,
        progress: Advance = lambda clips: None,
    ) -> tuple[Any, ...]:
        """Runs all clips through a function and joins what it returns.

        Args:
          mapped: of `DeviceMap.map`; its last argument is a batch, and all that it returns is split.
          replicated: its other arguments, placed.
          records: other clips than the first `count`.
          fetch: only so many elements of what it returns are brought to the host.
          progress: told the number of clips of every batch that is done.

        Returns:
          Pytrees of NumPy arrays with one row per clip, in order.

        Raises:
          UserError: if a clip cannot be read or the device has too little memory.
        """
        records = range(self.count) if records is None else records
        rows = []
        for start in range(0, len(records), self.size):
            batch = self.clips.read(records[start : start + self.size])
            padding = np.zeros((self.size - len(batch), *batch.shape[1:]), np.uint8)
            with explain_out_of_memory(f"lower --batch-size; it was {self.size} clips at a time"):
                results = mapped(*replicated, self.devices.split(np.concatenate([batch, padding])))[:fetch]
                rows.append(jax.tree.map(partial(self._fetch, clips=len(batch)), results))
            progress(len(batch))
            stopping.check()
        return jax.tree.map(lambda *parts: np.concatenate(parts), *rows)

    def _fetch(self, array: jax.Array, clips: int) -> np.ndarray:
        return self.devices.join(array)[:clips]
