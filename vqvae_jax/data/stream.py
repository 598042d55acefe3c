"""Reading a clip by its position in the training order, and assembling batches of such samples."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.order import Mixture, Share, TrainingOrder, WeightedOrder, augment, cut, random_generator
from vqvae_jax.data.source import Batch, ClipSet
from vqvae_jax.errors import MismatchError, UserError


class Sample(NamedTuple):
    """What a reader, possibly in another process, hands over for one position."""

    clip: np.ndarray  # (T, H, W, 3) uint8; empty if there is none
    record: int  # record number
    failures: tuple[tuple[int, str], ...]  # records that could not be read, with the reason


@dataclasses.dataclass
class SampleReader:
    """Random access by position: order, reading, augmentation. A pure function of the position on undamaged data."""

    clips: ClipSet
    config: PipelineConfig

    def __post_init__(self) -> None:
        self.order: TrainingOrder | WeightedOrder = TrainingOrder(
            len(self.clips), self.config.batch_size, self.config.seed
        )
        mixture: Mixture | None = getattr(self.clips, "mixture", None)
        if mixture is not None and mixture.weights is not None:
            self.order = WeightedOrder(mixture, self.config.seed)
        self._unreadable: dict[int, str] = {}

    def __getitem__(self, position: int) -> Sample:
        sample = self.at_record(self.order.record_at(position))
        if not sample.clip.size:
            return sample
        rng, c = random_generator(self.config.seed, position), self.config
        return sample._replace(clip=augment(sample.clip, c.frames, c.flip, c.temporal_jitter, rng, c.crop))

    def at_record(self, first: int) -> Sample:
        """The record as it was written, whole; with `on_corrupt="skip"` the next one that can be read."""
        failures: list[tuple[int, str]] = []
        # With "skip" the next readable record stands in, so that positions keep their meaning in every process.
        candidates = 1 if self.config.on_corrupt == "stop" else len(self.clips)
        for record in ((first + k) % len(self.clips) for k in range(candidates)):
            clip = self._read(record)
            if clip is not None:
                return Sample(clip, record, tuple(failures))
            failures.append((record, self._unreadable[record]))
        return Sample(np.zeros(0, np.uint8), first, tuple(failures))

    def _read(self, record: int) -> np.ndarray | None:
        if record not in self._unreadable:
            try:
                return self.clips.read([record])[0]
            except UserError as error:
                self._unreadable[record] = str(error)
        return None


def require_clip(sample: Sample) -> np.ndarray:
    """The sample's clip.

    Raises:
      UserError: if none could be read; names the file.
    """
    if not sample.clip.size:
        others = len(sample.failures) - 1
        advice = f"nor can the {others} others" if others else "or go on with --data.on-corrupt skip"
        raise UserError(f"{sample.failures[0][1]}; write the data set again, {advice}")
    return sample.clip


def spread_clips(clips: ClipSet, config: PipelineConfig) -> np.ndarray:
    """As many clips as a global batch has, evenly spread over the split: what codebooks start from.

    Every process reads the same ones, so that all start alike without talking.

    Returns:
      [config.batch_size, config.frames, H, W, 3] uint8; of a crop the middle of the pictures.

    Raises:
      UserError: if a record cannot be read and `config.on_corrupt` is "stop".
    """
    reader, count = SampleReader(clips, config), config.batch_size
    records = [index * len(clips) // count for index in range(count)]  # a batch may be larger than the split
    found = [require_clip(reader.at_record(record))[: config.frames] for record in records]
    return np.stack([clip if config.crop is None else cut(clip, config.crop, (0.5, 0.5)) for clip in found])


class BatchStream:
    """A `ClipStream` over any source of samples.

    Args:
      clips: the split.
      config: pipeline configuration; `batch_size` is global.
      samples_from: gives this process's samples from the position of a global batch's first clip on.
      share: which part of every batch is handed out.
    """

    def __init__(
        self,
        clips: ClipSet,
        config: PipelineConfig,
        samples_from: Callable[[int], Iterator[Sample]],
        share: Share,
    ) -> None:
        self.clips, self._config, self._share = clips, config, share
        self._samples_from = samples_from
        self._samples: Iterator[Sample] | None = None
        self._position = 0  # of the next batch's first clip
        self._skipped: dict[int, str] = {}

    @property
    def skipped(self) -> dict[int, str]:
        return dict(self._skipped)

    def __iter__(self) -> "BatchStream":
        return self

    def __next__(self) -> Batch:
        if self._samples is None:
            self._samples = self._samples_from(self._position)
        samples = [self._checked(next(self._samples)) for _ in range(self._share.clips)]
        self._position += self._config.batch_size
        return Batch(np.stack([s.clip for s in samples]), np.array([s.record for s in samples], np.int64))

    def _checked(self, sample: Sample) -> Sample:
        require_clip(sample)
        self._skipped.update(sample.failures)
        return sample

    def get_state(self) -> dict[str, Any]:
        return {"position": self._position, **self._identity()}

    def _identity(self) -> dict[str, Any]:
        """Everything that decides which clips come next and how they are augmented."""
        c = self._config
        return {
            "digest": self.clips.digest,
            "records": len(self.clips),
            "batch_size": c.batch_size,
            "seed": c.seed,
            "frames": c.frames,
            "flip": c.flip,
            "temporal_jitter": c.temporal_jitter,
            "crop": c.crop and list(c.crop),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        for field, value in self._identity().items():
            before = state.get(field)
            if before != value:
                if field == "digest":
                    before, value = str(before)[:8], f"{str(value)[:8]} ({self.clips.data_dir})"
                raise MismatchError(
                    f"cannot resume: the checkpoint's data stream has {field}={before!r}, this one {value!r}; give the "
                    "same data set and options, or start a new run"
                )
        position = state.get("position")
        if not isinstance(position, int) or position < 0 or position % self._config.batch_size:
            raise UserError(f"cannot resume: the checkpoint's data stream has position={position!r}")
        self.close()
        self._position = position

    def close(self) -> None:
        samples, self._samples = self._samples, None
        close = getattr(samples, "close", None)
        if close is not None:
            close()
