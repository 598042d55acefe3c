"""The rate-distortion job: every clip through every codec at every setting, measured and kept."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.rd.cache import Cache, Entry, clip_digest
from experiments.rd.ffmpeg import Processes
from experiments.rd.measure import Measure
from vqvae_jax import stopping
from vqvae_jax.data.source import ClipSet
from vqvae_jax.evaluation.coder import CodecError, Coder
from vqvae_jax.progress import Progress

AHEAD = 3  # clips that are coded while one is measured

#: One clip at one setting: its entry with figures, or why there is none.
Outcome = Entry | str


class _Coded(NamedTuple):
    """What a worker hands over to be measured; `estimate` is None if the figures were kept."""

    entry: Entry
    estimate: np.ndarray | None = None  # uint8 (T, H, W, 3)
    seconds: float = 0.0
    vmaf: float | None = None


class _Task(NamedTuple):
    coder: Coder
    clip_id: str
    clip: np.ndarray  # uint8 (T, H, W, 3)
    digest: str
    path: Path  # of its stream


class RdJob:
    """Measures clips with coders.

    Args:
      clips: the split.
      count: its first so many.
      coders: in the order of the result.
      measure: of the figures.
      cache: of streams and figures.
      processes: that run FFmpeg and decoders; stopped when the job ends.
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
        pool = ThreadPoolExecutor(self._jobs)
        stopping.begin(self._processes.stop)
        with Progress("rd", self.total, "codings") as progress:
            try:
                for tasks, futures in self._submit(pool):
                    for task, outcome in zip(tasks, self._finish(tasks, futures), strict=True):
                        coder = task.coder
                        outcomes[coder.codec, coder.setting].append(outcome)
                        if isinstance(outcome, str):
                            say(f"failed: {coder.codec} {coder.setting}, {task.clip_id}: {outcome}")
                        self.done += 1
                        progress.advance()
                        stopping.check()
            finally:
                # Also after a signal: nothing goes on behind our back.
                pool.shutdown(wait=False, cancel_futures=True)
                self._processes.stop()
                stopping.end(self._processes.stop)
                pool.shutdown(wait=True)
        return outcomes

    def _submit(self, pool: ThreadPoolExecutor) -> Iterator[tuple[list[_Task], list[Future[_Coded]]]]:
        """Clip by clip, a few ahead of what is measured."""
        pending: deque[tuple[list[_Task], list[Future[_Coded]]]] = deque()
        for number, clip_id in enumerate(self._ids):
            clip = self._clips.read([number])[0]
            digest = clip_digest(clip)
            tasks = [
                _Task(c, clip_id, clip, digest, self._cache.stream_path(c.codec, c.setting, clip_id, c.suffix))
                for c in self._coders
            ]
            pending.append((tasks, [pool.submit(self._code, task) for task in tasks]))
            if len(pending) > AHEAD:
                yield pending.popleft()
        yield from pending

    def _code(self, task: _Task) -> _Coded:
        """In a worker: codes, decodes and measures what FFmpeg measures, as far as it is not kept.

        Raises:
          CodecError: if the clip cannot be coded or decoded.
        """
        key = {**task.coder.key, "clip": task.digest}
        entry, state = self._cache.read(task.path, key)
        self.found[state] += 1
        if entry is None:
            with self._cache.new_stream(task.path) as part:
                seconds, payload = task.coder.encode(task.clip, part)
                if not part.is_file() or not part.stat().st_size:
                    raise CodecError("the encoder ended as if all were well, but wrote nothing")
            entry = self._cache.add(task.path, key, payload, seconds)
        if entry.figures is not None and entry.figures_key == self._measure.key:
            return _Coded(entry)
        estimate, seconds = task.coder.decode(task.path, task.clip.shape)
        return _Coded(entry, estimate, seconds, self._measure.vmaf(task.clip, estimate))

    def _finish(self, tasks: list[_Task], futures: list[Future[_Coded]]) -> Iterator[Outcome]:
        """Measures one clip's estimates on the device; all share what is computed of the clip itself."""
        reference = None
        for task, future in zip(tasks, futures, strict=True):
            try:
                entry, estimate, seconds, vmaf = future.result()
            except CodecError as error:
                yield str(error)
                continue
            if estimate is not None:
                reference = reference or self._measure.reference(task.clip)
                figures = {**self._measure.figures(reference, estimate), "vmaf": vmaf}
                key = self._measure.key
                entry = replace(entry, figures_key=key, figures=figures, decode_seconds=round(seconds, 4))
                self._cache.write(task.path, entry)
            yield entry
