"""How far long work is: a bar on a terminal; elsewhere (a log file, a pipe) a line once a minute, come what may."""

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self, TextIO, TypeVar

from tqdm import tqdm

from vqvae_jax import stopping

RATE_WINDOW = 30.0  # seconds over which speed is measured
_LOOK_SECONDS = 1.0

Item = TypeVar("Item")


class Progress:
    """Work that is counted, or not yet; a context manager. Lines come also while nothing advances, from a thread.

    Args:
      what: is done: "decoding"; stands before the count.
      total: how many there are, if that is known.
      unit: of what the speed is told, in the plural.
      every_seconds: between two lines where there is no terminal.
      chatty: whether the first and the last of the count are worth a line however little time it takes, and whether
        the bar stays.
      speaks: whether anything is written at all.
      stream: where to write; standard error by default.
      clock: seconds, monotonic.
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        unit: str = "",
        every_seconds: float = 60.0,
        chatty: bool = False,
        speaks: bool = True,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._unit, self._each = what, unit, 1
        self._every, self._chatty, self._speaks, self._clock = every_seconds, chatty, speaks, clock
        self._stream = sys.stderr if stream is None else stream
        self._total, self._done = total, 0
        self._doing: str | None = None
        self._shown: dict[str, float] = {}
        self._marks: deque[tuple[float, int]] = deque()
        self._last_line = self._last_news = clock()
        self._first = True
        self._bar: tqdm | None = None
        if speaks and self._stream.isatty():
            self._bar = tqdm(total=total, file=self._stream, bar_format="{desc}", dynamic_ncols=True, leave=chatty)
            self._lay_out()
        self._writing = threading.RLock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        if self._speaks:
            threading.Thread(target=self._look_now_and_then, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def speed(self) -> float | None:
        """Units per second over the last half minute; None until two are done, so that compilation does not count."""
        if len(self._marks) < 2:
            return None
        (t0, n0), (t1, n1) = self._marks[0], self._marks[-1]
        return (n1 - n0) * self._each / (t1 - t0) if t1 > t0 else None

    def begin(self, total: int, done: int = 0, each: int = 1) -> None:
        """The count is known now.

        Args:
          total: of the whole work.
          done: earlier.
          each: units in one of the count: clips in a step.
        """
        self._total, self._done, self._each = total, done, each
        if self._bar is not None:
            self._bar.total, self._bar.n = total, done
            self._lay_out()

    def doing(self, what: str | None) -> None:
        """Names work that is not counted, such as compiling, until the count goes on or something else is named."""
        with self._writing:
            self._doing, self._last_news = what, self._clock()
            self._lay_out()

    def update(self, done: int, values: Mapping[str, float] | None = None) -> None:
        """Tells that so many are done in all; `values` (losses, PSNR) stay on show until replaced."""
        now = self._clock()
        with self._writing:
            if self._doing is not None:
                self.doing(None)
            self._done, self._last_news = done, now
            self._marks.append((now, done))
            while len(self._marks) > 2 and now - self._marks[1][0] > RATE_WINDOW:
                self._marks.popleft()
            self._shown |= values or {}
            if self._bar is not None:
                self._bar.set_postfix_str("  ".join(self._facts()), refresh=False)
                self._bar.update(done - self._bar.n)
            elif now - self._last_line >= self._every or (self._chatty and (self._first or done == self._total)):
                self._first = False
                self._line(now)

    def advance(self, count: int = 1) -> None:
        """Tells that so many more are done."""
        self.update(self._done + count)

    def show(self, what: str, done: int, total: int) -> None:
        """Another count, or the same one further on."""
        if (what, total) != (self._what, self._total) or done < self._done:
            self._what = what
            self._marks.clear()
            self.begin(total)
        self.update(done)

    def note(self, text: str) -> None:
        """Prints a line without tearing the bar."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        elif self._speaks:
            print(text, file=self._stream, flush=True)

    def pause(self) -> None:
        """Forgets the speed so far; called after validation, a picture or a save, which are not steps."""
        self._marks.clear()

    def close(self) -> None:
        """Leaves the bar as it stands if it is to stay."""
        self._over.set()
        with self._writing:
            if self._bar is not None:
                self._bar.close()

    def look(self) -> None:
        """Writes a line if it is time for one; the thread does so every second."""
        with self._writing:
            now = self._clock()
            if self._over.is_set():
                return
            if self._bar is not None:
                if self._doing is not None:
                    self._bar.set_description_str(self._state(now))
            elif now - self._last_line >= self._every:
                self._line(now)

    def _look_now_and_then(self) -> None:
        while not self._over.wait(min(_LOOK_SECONDS, self._every)):
            with contextlib.suppress(OSError, ValueError):  # a pipe that nobody reads, a stream that was closed
                self.look()

    def _line(self, now: float) -> None:
        if self._speaks:
            self._last_line = now
            print(self._state(now), file=self._stream, flush=True)

    def _state(self, now: float) -> str:
        silence = now - self._last_news
        if self._doing is not None:
            return f"{self._doing}, {silence:.0f} s"
        count = f"{self._done}/{self._total}" if self._total is not None else f"{self._done} {self._unit}".rstrip()
        news = [f"nothing new for {silence:.0f} s"] if silence and silence >= self._every else self._facts()
        return "  ".join([f"{self._what} {count}", *news])

    def _facts(self) -> list[str]:
        facts = [f"{name} {value:.4g}" for name, value in self._shown.items()]
        speed = self.speed
        if speed:
            facts.append(f"{speed:.1f} {self._unit}/s")
            if self._total is not None:
                left = (self._total - self._done) * self._each / speed
                facts.append(f"{tqdm.format_interval(max(left, 0))} left")
        return facts

    def _lay_out(self) -> None:
        if self._bar is None:
            return
        count = "{n_fmt}/{total_fmt} {bar} {percentage:.0f}%" if self._total is not None else "{n_fmt}"
        self._bar.bar_format = "{desc}" if self._doing is not None else "{desc}" + count + "{postfix}"
        self._bar.set_description_str(self._state(self._clock()) if self._doing is not None else f"{self._what} ")


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Work that cannot be counted."""
    with Progress("") as progress:
        progress.doing(what)
        yield


def counted(
    items: Iterable[Item], total: int | None, what: str, unit: str = "frames", silent: bool = False, together: int = 1
) -> Iterator[Item]:
    """Passes items on and shows how many went by, the speed and the time left; heeds signals.

    Args:
      total: how many to expect, if that is known.
      what: shown before the count.
      together: how many the taker gathers before it works on them; they count when it asks for the next.
    """
    with Progress(what, total, unit, speaks=not silent) as progress:
        number = 0
        for number, item in enumerate(items, 1):
            yield item
            stopping.check()
            if number % together == 0:
                progress.update(number)
        if number % together:
            progress.update(number)
