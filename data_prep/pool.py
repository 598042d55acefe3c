"""A pool of processes that survives its workers: one that crashes or hangs costs its task, not the run.

`concurrent.futures` gives up on every task when one worker dies, and a damaged video can kill a decoder.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from vqvae_jax import stopping
from vqvae_jax.errors import UserError

Tick = Callable[[], None]
_TICK_SECONDS = 1.0
_START_SECONDS = 600.0  # imports on a busy machine


class Outcome(NamedTuple):
    """What became of a task."""

    task: int  # place in the sequence of tasks
    value: Any  # what the function returned; None if the worker was lost
    lost: str | None = None  # why the worker was lost


class WorkerError(Exception):
    """An exception that a task raised, with its traceback in the worker; `cause` is the exception itself."""

    def __init__(self, cause: BaseException, trace: str):
        super().__init__(trace)
        self.cause = cause


class Pool:
    """Worker processes that run `function(task, tick)`; a context manager that ends them all on leaving.

    `function` and tasks go to the workers by pickle, so `function` is a module's top-level name. It calls `tick()` now
    and then as a sign of life; a worker that gives none for `patience` seconds, counted from when it has begun its
    task, is ended. `clock` gives seconds, monotonic.
    """

    def __init__(self, workers: int, patience: float = 120.0, clock: Callable[[], float] = time.monotonic):
        # Not fork: OpenCV's and other threads would be copied half-way.
        self._context = multiprocessing.get_context("spawn")
        self._patience, self._clock = patience, clock
        self._workers: list[_Worker | None] = [None] * workers

    def run(self, function: Callable[[Any, Tick], Any], tasks: Iterable[Any]) -> Iterator[Outcome]:
        """Outcomes as they come, in any order; tasks are taken as workers become free.

        Raises:
          WorkerError: if the function raised.
          UserError: if worker processes cannot start here.
        """
        waiting = iter(enumerate(tasks))
        for slot in range(len(self._workers)):
            self._give(slot, function, next(waiting, None))
        while busy := {w.connection: s for s, w in enumerate(self._workers) if w and w.task is not None}:
            for connection in wait(list(busy), timeout=_TICK_SECONDS):
                slot = busy[connection]
                outcome = self._hear(slot)
                if outcome is not None:
                    self._give(slot, function, next(waiting, None))
                    yield outcome
            for slot in busy.values():
                worker = self._workers[slot]
                if worker and worker.task is not None and self._is_stuck(worker):
                    outcome = Outcome(worker.task, None, f"no progress for {self._patience:.0f} s")
                    self._end(slot)
                    self._give(slot, function, next(waiting, None))
                    yield outcome

    def _is_stuck(self, worker: "_Worker") -> bool:
        if worker.connection.poll():  # it has spoken while we were busy
            return False
        silence = self._clock() - worker.heard
        if not worker.started and silence > _START_SECONDS:
            raise UserError(f"cannot start: a worker process gave no sign of life for {silence:.0f} s")
        return worker.started and silence > self._patience

    def _give(self, slot: int, function: Callable[[Any, Tick], Any], item: tuple[int, Any] | None) -> None:
        if item is None:
            return
        worker = self._workers[slot]
        if worker is None:
            worker = self._workers[slot] = _Worker(self._context)
        worker.task, worker.heard, worker.started = item[0], self._clock(), False
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a dead worker is noticed on hearing from it
            worker.connection.send((function, item[1]))

    def _hear(self, slot: int) -> Outcome | None:
        """Receives one message; None for a mere sign of life."""
        worker = self._workers[slot]
        assert worker is not None and worker.task is not None
        worker.heard = self._clock()
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):  # also in the middle of a message
            worker.process.join()
            death = f"the worker process {_death(worker.process.exitcode)}"
            if not worker.able:
                raise UserError(f"cannot start: {death}") from None
            outcome = Outcome(worker.task, None, death)
            self._end(slot)
            return outcome
        worker.able = True
        worker.started |= kind == "begun"
        if kind in ("able", "begun", "tick"):
            return None
        if kind == "error":
            raise WorkerError(*value)
        outcome, worker.task = Outcome(worker.task, value), None
        return outcome

    def _end(self, slot: int) -> None:
        worker = self._workers[slot]
        if worker is not None:
            worker.process.kill()
            worker.process.join()
            worker.connection.close()
            self._workers[slot] = None  # last: what a signal cuts short is done again

    def _end_all(self) -> None:
        for slot in range(len(self._workers)):
            self._end(slot)
        stopping.end(self._end_all)

    def __enter__(self) -> "Pool":
        stopping.begin(self._end_all)
        return self

    def __exit__(self, *_: object) -> None:
        self._end_all()


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """A process, the line to it, and what it is at."""

    def __init__(self, context: Any):
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # so that the worker's death ends the line
        self.able = False  # has come up: what ends it from now on is its task
        self.started = False  # with the task: modules are imported first, which takes long on a busy machine
        self.task: int | None = None
        self.heard = 0.0


def _serve(connection: Connection) -> None:
    """A worker's life: until the line is closed, which also happens when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    last = time.monotonic()

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last > _TICK_SECONDS:
            last = time.monotonic()
            connection.send(("tick", None))

    try:
        connection.send(("able", None))
        while True:
            function, task = connection.recv()
            connection.send(("begun", None))
            try:
                message = ("done", function(task, tick))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                message = ("error", (error, _trace()))
            connection.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _trace() -> str:
    import traceback

    return traceback.format_exc()


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
