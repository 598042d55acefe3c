"""Clips per second out of the training pipeline against a PyTorch DataLoader over the same clips; the aim is 400.

    python -m benchmarks.pipeline [--data DIR]

Each side shuffles, mirrors every second clip and hands out the same number of uint8 bytes in batches of one size: from
memory, from disk in this process, from disk with two worker processes. A DataLoader has no reading threads: what reads
with several here is compared with its two workers. Every repetition opens the pipeline anew, all of them in turns; the
first batch (decoding into memory, starting processes) is timed by itself. Nothing else runs.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.inputs import DataSet, clips_of, data_facts
from benchmarks.report import Result, Row, aim, benchmark, in_turns, missing, versions
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_stream
from vqvae_jax.data.source import ClipSet

AIM = 400  # clips/s
SETTINGS: dict[str, dict[str, Any]] = {
    "memory": {"source": "memory", "threads": 1, "workers": 0},
    "disk": {"source": "grain", "threads": 1, "workers": 0},
    "disk, 4 threads": {"source": "grain", "threads": 4, "workers": 0},
    "disk, 2 workers": {"source": "grain", "threads": 4, "workers": 2},
}
#: The DataLoader that a setting is compared with: from memory, number of workers.
PEERS = {"memory": (True, 0), "disk": (False, 0), "disk, 4 threads": (False, 2), "disk, 2 workers": (False, 2)}
Opened = tuple[Iterator[np.ndarray], Callable[[], None]]  # batches (B, T, H, W, 3) uint8, and what closes them


class Speed(NamedTuple):
    """One repetition."""

    first_s: float  # to the first batch
    clips_per_s: float  # of the batches after it


def ours(clips: ClipSet, config: PipelineConfig) -> Opened:
    """Our pipeline."""
    stream = open_stream(clips, config)
    return (batch.clips for batch in stream), stream.close


def measure(start: Callable[[], Opened], shape: tuple[int, ...], batches: int) -> Speed:
    """Opens a pipeline, takes its first batch and then `batches`, and closes it.

    Raises:
      AssertionError: if a batch is not uint8 of `shape`.
    """
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        stream, close = start()
        stack.callback(close)
        batch = next(stream)
        assert batch.shape == shape and batch.dtype == np.uint8
        first, began = time.perf_counter() - began, time.perf_counter()
        for _ in range(batches):
            batch = next(stream)
            assert batch.shape == shape
        return Speed(first, batches * shape[0] / (time.perf_counter() - began))


def peer_name(setting: str) -> str:
    """Of the DataLoader that a setting of ours is compared with."""
    in_memory, workers = PEERS[setting]
    return f"PyTorch DataLoader from {'memory' if in_memory else 'disk'}, {workers} workers"


def pipelines(clips: ClipSet, batch_size: int, with_torch: bool) -> dict[str, Callable[[], Opened]]:
    """By name: settings of ours, and the peers of `peer_name`, each once."""
    starts: dict[str, Callable[[], Opened]] = {}
    for name, setting in SETTINGS.items():
        config = PipelineConfig(batch_size=batch_size, frames=clips.clip_shape[0], **setting)
        starts[name] = partial(ours, clips, config)
        if with_torch:
            from benchmarks.peers.torch_data_loader import batches

            in_memory, workers = PEERS[name]
            starts[peer_name(name)] = partial(batches, clips, batch_size, workers, in_memory)
    return starts


def row(name: str, ours: list[Speed], peer: list[Speed]) -> Row:
    """A setting's rates and their ratio; None where there is no peer."""
    mine, theirs = ([s.clips_per_s for s in speeds] for speeds in (ours, peer))
    return {
        "from": name,
        "peer": peer_name(name) if peer else None,
        "ours clips/s": statistics.median(mine),
        "peer clips/s": statistics.median(theirs) if peer else None,
        "ratio": statistics.median(mine) / statistics.median(theirs) if peer else None,
        "ours lowest": min(mine),
        "ours highest": max(mine),
        "ours first batch s": statistics.median(s.first_s for s in ours),
        "peer first batch s": statistics.median(s.first_s for s in peer) if peer else None,
    }


@benchmark
def main(
    data: DataSet = None, split: str = "train", batch_size: int = 8, batches: int = 100, repeats: int = 3
) -> Result:
    """Compares.

    Args:
      batches: per repetition.
    """
    no_torch = missing("PyTorch", "torch", "pip install torch; no row has a ratio")
    with clips_of(data, split) as clips:
        shape = (batch_size, *clips.clip_shape)
        starts = pipelines(clips, batch_size, no_torch is None)
        speeds = in_turns({name: partial(measure, start, shape, batches) for name, start in starts.items()}, repeats)
        rows = [row(name, speeds[name], speeds.get(peer_name(name), [])) for name in SETTINGS]
        facts = data_facts(clips)
    return {
        "rows": rows,
        "peers": versions("torch", "grain"),
        "threads": {"PyTorch": 1},
        "aims": [aim(f"clips/s from {r['from']}", r["ours clips/s"], at_least=AIM) for r in rows],
        "left_out": [no_torch],
        "batch_size": batch_size,
        "repeats": repeats,
        "data": facts,
    }


if __name__ == "__main__":
    main()
