"""Training from shards through Grain: reading, decoding and augmenting ahead, in threads and processes."""

from collections.abc import Iterator

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.source import ClipSet
from vqvae_jax.data.stream import BatchStream, Sample, SampleReader
from vqvae_jax.errors import UserError

ENDLESS = 2**60  # positions; Grain wants a length


class _Positions:
    """The endless order as the random-access source that Grain reads: element i is this process's i-th from `start`."""

    def __init__(self, reader: SampleReader, start: int, stride: int) -> None:
        self._reader, self._start, self._stride = reader, start, stride

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> Sample:
        return self._reader[self._start + int(index) * self._stride]

    def __repr__(self) -> str:
        return f"Positions({self._start}, {self._stride})"


def grain_stream(clips: ClipSet, config: PipelineConfig, process_index: int, process_count: int) -> BatchStream:
    """An endless stream that reads ahead with Grain.

    Samples cross from Grain one by one and are batched here: its default prefetch counts elements, so batching first
    would hold hundreds of batches. Worker w of W reads every W-th sample and they are taken in turn, so the order is
    that of no workers at all, and a position is enough to resume with any number of them.

    Raises:
      ConfigError: if the batch does not fit the split or the processes.
      UserError: if grain is not installed.
    """
    try:
        import grain
    except ImportError as error:
        raise UserError("grain is not installed; install it or use --data.source memory") from error
    reader = SampleReader(clips, config)
    ahead = 2 * config.batch_size // process_count

    def samples_from(position: int) -> Iterator[Sample]:
        dataset = grain.MapDataset.source(_Positions(reader, position, process_count)).to_iter_dataset(
            grain.ReadOptions(num_threads=config.threads, prefetch_buffer_size=max(ahead, config.threads))
        )
        if config.workers:
            _parse_absl_flags()
            dataset = dataset.mp_prefetch(
                grain.MultiprocessingOptions(
                    num_workers=config.workers, per_worker_buffer_size=max(2, ahead // config.workers)
                )
            )
        return iter(dataset)

    return BatchStream(clips, config, samples_from, process_index, process_count)


def _parse_absl_flags() -> None:
    """Grain's worker processes copy absl's flags, which must count as parsed; we take no arguments from them."""
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
