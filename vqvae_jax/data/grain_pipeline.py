"""Training from shards through Grain: reading, decoding and augmenting ahead, in threads and processes."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.order import Share
from vqvae_jax.data.source import ClipSet
from vqvae_jax.data.stream import BatchStream, Sample, SampleReader
from vqvae_jax.errors import UserError

ENDLESS = 2**60  # positions; Grain wants a length


class _Positions:
    """The endless order as the random-access source that Grain reads: element i is this process's i-th from `start`."""

    def __init__(self, reader: SampleReader, start: int, share: Share) -> None:
        self._reader, self._start, self._share = reader, start, share

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> Sample:
        return self._reader[self._start + self._share.position(int(index))]

    def __repr__(self) -> str:
        return f"Positions({self._start}, {self._share})"


class _Samples:
    """Grain's iterator, whose workers may die."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __iter__(self) -> "_Samples":
        return self

    def __next__(self) -> Sample:
        try:
            return next(self._iterator)
        except RuntimeError as error:
            if "Worker process was terminated" not in str(error):
                raise
            reason = str(error).split(".")[0]
            raise UserError(f"a reading process of the data pipeline died, for lack of memory? ({reason})") from error

    def close(self) -> None:
        self._iterator.close()


def grain_stream(clips: ClipSet, config: PipelineConfig, share: Share) -> BatchStream:
    """An endless stream that reads ahead with Grain.

    Samples cross from Grain one by one and are batched here: its default prefetch counts elements, so batching first
    would hold hundreds of batches. Worker w of W reads every W-th sample and they are taken in turn, so the order is
    that of no workers at all, and a position is enough to resume with any number of them.

    Raises:
      ConfigError: if the batch does not fit the split.
      UserError: if grain is not installed.
    """
    try:
        import grain
    except ImportError as error:
        raise UserError("grain is not installed; install it or use --data.source memory") from error
    reader = SampleReader(clips, config)
    ahead = 2 * share.clips

    def samples_from(position: int) -> Iterator[Sample]:
        dataset = grain.MapDataset.source(_Positions(reader, position, share)).to_iter_dataset(
            grain.ReadOptions(num_threads=config.threads, prefetch_buffer_size=max(ahead, config.threads))
        )
        if config.workers:
            _parse_absl_flags()
            dataset = dataset.mp_prefetch(
                grain.MultiprocessingOptions(
                    num_workers=config.workers, per_worker_buffer_size=max(2, ahead // config.workers)
                ),
                worker_init_fn=_start_worker,
            )
        return _Samples(iter(dataset))

    return BatchStream(clips, config, samples_from, share)


def _start_worker(index: int, count: int) -> None:
    """Runs first in every worker process."""
    # Ctrl-C and `timeout` signal the whole group; the training saves and leaves, and still reads a batch meanwhile.
    os.setpgid(0, 0)
    # Not os.getppid(): a parent killed while this process starts has been replaced by then.
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        threading.Thread(target=_leave_with, args=(parent.pid,), daemon=True).start()


def _leave_with(parent: int) -> None:
    """Ends this process when its parent was killed: Grain's workers would wait for it for ever."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _parse_absl_flags() -> None:
    """Grain's worker processes copy absl's flags, which must count as parsed; we take no arguments from them."""
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
