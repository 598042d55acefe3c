"""The peer of the training pipeline: a PyTorch `DataLoader` over the same clips. Needs torch."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from vqvae_jax.data.source import ClipSet


class MappedClips(Dataset):
    """Clip `i` as a (T, H, W, 3) uint8 tensor, mirrored every second time at random; from disk or from memory."""

    def __init__(self, clips: ClipSet, in_memory: bool) -> None:
        self.clips, self.count = clips, len(clips)
        self.loaded = clips.read(range(len(clips))) if in_memory else None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, record: int) -> torch.Tensor:
        clip = self.clips.read([record])[0] if self.loaded is None else self.loaded[record]
        flipped = clip[:, :, ::-1] if torch.rand(()) < 0.5 else clip
        return torch.from_numpy(np.ascontiguousarray(flipped))


def batches(
    clips: ClipSet, batch_size: int, workers: int, in_memory: bool
) -> tuple[Iterator[np.ndarray], Callable[[], None]]:
    """Endless shuffled batches (B, T, H, W, 3) uint8, an incomplete last one dropped; and what ends the workers.

    Worker processes are spawned, since JAX has threads here that a fork would not survive, and stay over epochs.
    PyTorch gets one thread: stacking eight clips on two is no faster, and many times slower where a core is busy.
    """
    torch.set_num_threads(1)
    options: dict[str, Any] = {"multiprocessing_context": "spawn", "persistent_workers": True} if workers else {}
    loader = DataLoader(
        MappedClips(clips, in_memory),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        generator=torch.Generator().manual_seed(0),
        **options,
    )
    stream = _endless(loader)
    return stream, stream.close


def _endless(loader: DataLoader) -> Generator[np.ndarray, None, None]:
    while True:
        for batch in loader:
            yield batch.numpy()
