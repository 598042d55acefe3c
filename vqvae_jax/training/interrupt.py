"""Leaving a run in good order when asked to."""

import signal
from types import FrameType
from typing import Any

import jax
import numpy as np
from jax import lax

from vqvae_jax.training.mapping import AXIS, DeviceMap

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Agreement:
    """The greatest of a number that every process has, without waiting for the devices.

    Processes that train together must leave at the same step: one that goes on alone would wait for ever.
    """

    def __init__(self, devices: DeviceMap) -> None:
        self._devices = devices
        self._greatest = devices.map(lambda mine: (lax.pmax(mine[0], AXIS),), (True,), (False,))
        self._asked: jax.Array | None = None

    def __call__(self, number: int) -> int:
        """The greatest `number` of the calls *before* this one; of a single process its own at once.

        Every process makes the same calls.
        """
        if jax.process_count() == 1:
            return number
        before = self._asked
        (self._asked,) = self._greatest(self._devices.split(np.full(len(self._devices.local), number, np.int32)))
        return 0 if before is None else int(before)


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
        # Whoever asks twice does not want to wait for the checkpoint, nor for Python to come round to a handler.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    def agreed(self, agreement: Agreement) -> bool:
        """Whether any process was asked to leave; all of them learn it in the same step."""
        number = agreement(self.signal or 0)
        if number:
            self.signal = signal.Signals(number)
        return bool(number)

    @property
    def exit_code(self) -> int:
        """What a shell reports for a program ended by this signal."""
        return 0 if self.signal is None else 128 + self.signal
