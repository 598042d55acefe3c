"""A bar of frames on a terminal; silent elsewhere, so that output stays clean in scripts."""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_asked_to_leave = threading.Event()


def hear_interrupts() -> None:
    """Has Ctrl-C end `counted` at the next item, even where Python loses the exception: in a callback of its garbage
    collector, JAX's for instance. A process that was started with SIGINT ignored goes on ignoring it.
    """

    def note(*_: object) -> None:
        _asked_to_leave.set()
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)


def counted(items: Iterable[Item], total: int | None, what: str, unit: str = "frames") -> Iterator[Item]:
    """Passes items on and shows how many went by, the speed and the time left.

    Args:
      total: how many to expect, if that is known.
      what: shown before the bar.
    """
    with tqdm(total=total, desc=what, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False) as bar:
        for item in items:
            yield item
            if _asked_to_leave.is_set():
                raise KeyboardInterrupt
            bar.update()
