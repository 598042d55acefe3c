"""Leaving a run in good order when asked to."""

import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While entered, SIGINT and SIGTERM set `.signal` instead of ending the process; a second one ends it at once.

    Must be entered in the main thread.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        # Whoever asks twice does not want to wait for the checkpoint.
        signal.signal(number, self._previous[self.signal])

    @property
    def exit_code(self) -> int:
        """What a shell reports for a program ended by this signal."""
        return 0 if self.signal is None else 128 + self.signal
