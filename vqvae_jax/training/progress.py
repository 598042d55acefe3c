"""The progress of a run on the terminal: step, losses, PSNR, clips/s, time left."""

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TextIO

import jax
from tqdm import tqdm

from vqvae_jax.errors import one_line, say

RATE_WINDOW = 30.0  # seconds over which speed is measured


class Progress:
    """A bar on a terminal; elsewhere (a log file, a pipe) a line every `every_seconds`. Only the first process speaks.

    Args:
      total_steps: of the whole run.
      start_step: steps already done.
      clips_per_step: the global batch size.
      every_seconds: between two lines where there is no terminal.
      stream: where to write; standard error by default.
      clock: seconds, monotonic.
    """

    def __init__(
        self,
        total_steps: int,
        start_step: int = 0,
        clips_per_step: int = 1,
        every_seconds: float = 30.0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._clips, self._every = total_steps, clips_per_step, every_seconds
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._shown: dict[str, float] = {}
        self._marks: deque[tuple[float, int]] = deque()
        self._speaks = jax.process_index() == 0
        self._last_line = -float("inf")
        self._bar: tqdm | None = None
        if self._speaks and self._stream.isatty():
            layout = "{n_fmt}/{total_fmt} {bar} {percentage:.0f}%{postfix}"
            self._bar = tqdm(
                total=total_steps, initial=start_step, file=self._stream, bar_format=layout, dynamic_ncols=True
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def clips_per_second(self) -> float | None:
        """Over the last half minute; None until two steps are done, so that compilation does not count."""
        if len(self._marks) < 2:
            return None
        (t0, n0), (t1, n1) = self._marks[0], self._marks[-1]
        return (n1 - n0) * self._clips / (t1 - t0) if t1 > t0 else None

    def update(self, step: int, values: Mapping[str, float] | None = None) -> None:
        """Tells that `step` steps are done; `values` (losses, PSNR) stay on show until replaced."""
        now = self._clock()
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[1][0] > RATE_WINDOW:
            self._marks.popleft()
        self._shown |= values or {}
        if self._bar is not None:
            self._bar.set_postfix_str("  ".join(self._facts(step)), refresh=False)
            self._bar.update(step - self._bar.n)
        elif self._speaks and (now - self._last_line >= self._every or step == self._total):
            self._last_line = now
            print("  ".join([f"step {step}/{self._total}", *self._facts(step)]), file=self._stream, flush=True)

    def note(self, text: str) -> None:
        """Prints a line without tearing the bar."""
        if self._bar is not None:
            self._bar.write(one_line(text), file=self._stream)
        elif self._speaks:
            say(text, file=self._stream)

    def pause(self) -> None:
        """Forgets the speed so far; called after validation, a picture or a save, which are not steps."""
        self._marks.clear()

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _facts(self, step: int) -> list[str]:
        facts = [f"{name} {value:.4g}" for name, value in self._shown.items()]
        speed = self.clips_per_second
        if speed:
            left = tqdm.format_interval((self._total - step) * self._clips / speed)
            facts += [f"{speed:.1f} clips/s", f"{left} left"]
        return facts
