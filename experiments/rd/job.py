"""The rate-distortion job: every clip through every codec at every setting, measured, kept, and summed up."""

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.rd.cache import Cache, Entry, clip_digest, stream_entry
from experiments.rd.ffmpeg import Processes
from experiments.rd.measure import Measure
from vqvae_jax import stopping
from vqvae_jax.data.source import ClipSet
from vqvae_jax.evaluation.coder import CodecError, Coder
from vqvae_jax.progress import Progress, counted

BLOCK_BYTES = 512 * 2**20  # decoded clips that bulk decoders, all together, may leave on disk at a time
AHEAD = 3  # clips that are coded while one is measured


class Outcome(NamedTuple):
    """One clip at one setting: its entry with figures, or why there is none."""

    entry: Entry | None
    failure: str | None


class _Coded(NamedTuple):
    """What a worker hands over to be measured; `estimate` is None if the figures were kept."""

    entry: Entry
    estimate: np.ndarray | None  # uint8 (T, H, W, 3)
    seconds: float
    vmaf: float | None


class _Task(NamedTuple):
    coder: Coder
    clip_id: str
    clip: np.ndarray  # uint8 (T, H, W, 3)
    digest: str


class RdJob:
    """Measures clips with coders.

    Args:
      clips: the split.
      count: its first so many.
      coders: in the order of the result.
      measure: of the figures.
      cache: of streams and figures.
      processes: that run FFmpeg; stopped when the job is interrupted.
      jobs: workers.

    Attributes:
      found: how many entries were good, absent, damaged, or of other settings.
      done, total: clips times settings.
    """

    def __init__(
        self,
        clips: ClipSet,
        count: int,
        coders: list[Coder],
        measure: Measure,
        cache: Cache,
        processes: Processes,
        jobs: int,
    ) -> None:
        self._clips, self._ids, self._coders = clips, clips.ids(range(count)), coders
        self._measure, self._cache, self._processes, self._jobs = measure, cache, processes, jobs
        self.found: Counter[str] = Counter()
        self.done, self.total = 0, count * len(coders)

    def run(self, say: Callable[[str], None]) -> dict[tuple[str, str], list[Outcome]]:
        """Outcomes of every (codec, setting), one per clip, in order.

        Args:
          say: told a line about every failure.

        Raises:
          UserError: if a clip cannot be read or OUT cannot be written.
          KeyboardInterrupt: if a signal stops the program; what was measured is kept.
        """
        outcomes: dict[tuple[str, str], list[Outcome]] = {(c.codec, c.setting): [] for c in self._coders}
        in_bulk = sum(coder.in_bulk for coder in self._coders)
        block = max(1, BLOCK_BYTES // (int(np.prod(self._clips.clip_shape)) * max(1, in_bulk)))
        pool = ThreadPoolExecutor(self._jobs)
        stopping.begin(self._processes.stop)
        with Progress("rd", self.total, "codings") as progress:
            try:
                for start in range(0, len(self._ids), block):
                    numbers = range(start, min(start + block, len(self._ids)))
                    self._open_block(numbers, say)
                    for tasks, futures in self._submit(pool, numbers):
                        for task, outcome in zip(tasks, self._finish(tasks, futures), strict=True):
                            coder = task.coder
                            outcomes[coder.codec, coder.setting].append(outcome)
                            if outcome.failure is not None:
                                say(f"failed: {coder.codec} {coder.setting}, {task.clip_id}: {outcome.failure}")
                            self.done += 1
                            progress.advance()
                            stopping.check()
            finally:
                # Also after a signal: nothing goes on behind our back.
                pool.shutdown(wait=False, cancel_futures=True)
                self._processes.stop()
                stopping.end(self._processes.stop)
                pool.shutdown(wait=True)
                for coder in self._coders:
                    coder.close()
        return outcomes

    def _tasks(self, number: int) -> list[_Task]:
        clip = self._clips.read([number])[0]
        digest = clip_digest(clip)
        return [_Task(coder, self._ids[number], clip, digest) for coder in self._coders]

    def _open_block(self, numbers: range, say: Callable[[str], None]) -> None:
        """Lets coders that are slow to start code and decode all clips of the block."""
        for index, coder in enumerate(self._coders):
            if not coder.in_bulk:
                continue
            paths = []
            for number in counted(numbers, len(numbers), f"{coder.codec} {coder.setting} files", "clips"):
                task = self._tasks(number)[index]
                with contextlib.suppress(CodecError):  # comes again, and is then noted, when its turn comes
                    entry = self._stream(task, count=False)
                    if not entry.measured(self._measure.key):
                        paths.append(self._path(task))
            try:
                coder.open_files(paths)
            except CodecError as error:
                say(f"failed: {coder.codec} {coder.setting}: the decoder's process: {error}")

    def _submit(
        self, pool: ThreadPoolExecutor, numbers: range
    ) -> Iterator[tuple[list[_Task], list[Future[_Coded | CodecError]]]]:
        """Clip by clip, a few ahead of what is measured."""
        pending: deque[tuple[list[_Task], list[Future[_Coded | CodecError]]]] = deque()
        for number in numbers:
            tasks = self._tasks(number)
            pending.append((tasks, [pool.submit(self._code, task) for task in tasks]))
            if len(pending) > AHEAD:
                yield pending.popleft()
        while pending:
            yield pending.popleft()

    def _path(self, task: _Task) -> Path:
        return self._cache.stream_path(task.coder.codec, task.coder.setting, task.clip_id, task.coder.suffix)

    def _stream(self, task: _Task, count: bool = True) -> Entry:
        """The kept entry, or that of a stream just made."""
        path, key = self._path(task), {**task.coder.key, "clip": task.digest}
        entry, state = self._cache.read(path, key)
        if count:
            self.found[state] += 1
        if entry is None:
            with self._cache.new_stream(path) as part:
                seconds, payload = task.coder.encode(task.clip, part)
                if not part.is_file() or not part.stat().st_size:
                    raise CodecError("the encoder ended as if all were well, but wrote nothing")
            entry = stream_entry(path, key, payload, seconds)
            self._cache.write(path, entry)
        return entry

    def _code(self, task: _Task) -> _Coded | CodecError:
        """In a worker: codes, decodes and measures what FFmpeg measures, as far as it is not kept."""
        try:
            entry = self._stream(task)
            if entry.measured(self._measure.key):
                return _Coded(entry, None, 0.0, None)
            estimate, seconds = task.coder.decode(self._path(task), task.clip.shape)
            return _Coded(entry, estimate, seconds, self._measure.vmaf(task.clip, estimate))
        except CodecError as error:
            return error

    def _finish(self, tasks: list[_Task], futures: list[Future[_Coded | CodecError]]) -> Iterator[Outcome]:
        """Measures one clip's estimates on the device; all share what is computed of the clip itself."""
        reference = None
        for task, future in zip(tasks, futures, strict=True):
            coded = future.result()
            if isinstance(coded, CodecError):
                yield Outcome(None, str(coded))
                continue
            entry = coded.entry
            if coded.estimate is not None:
                reference = reference or self._measure.reference(task.clip)
                figures = {**self._measure.figures(reference, coded.estimate), "vmaf": coded.vmaf}
                entry = entry.with_figures(self._measure.key, figures, round(coded.seconds, 4))
                self._cache.write(self._path(task), entry)
            yield Outcome(entry, None)
