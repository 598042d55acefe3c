"""SIGINT and SIGTERM end a command in good order: what was begun is removed, and one line says so."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

_heard: list[signal.Signals] = []


def asked_to_leave() -> bool:
    """Whether a signal came, even where Python lost the exception: in a callback of its garbage collector, say."""
    return bool(_heard)


@contextlib.contextmanager
def ending_in_good_order(program: str) -> Iterator[None]:
    """Turns both signals into a `KeyboardInterrupt`, and that into a line and the exit code 128 + signal.

    A signal that the process was started with ignored goes on being ignored.
    """
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is usual:
            signal.signal(number, _note)
    sys.unraisablehook = _unraisable
    try:
        yield
    except KeyboardInterrupt:
        _leave(program)


def _note(number: int, _: object) -> NoReturn:
    _heard.append(signal.Signals(number))
    raise KeyboardInterrupt


def _unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """`counted` raises again what was lost; the user need not see where."""
    if not (_heard and lost.exc_type is KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def _leave(program: str) -> NoReturn:
    number = _heard[0] if _heard else signal.SIGINT
    what = "terminated" if number == signal.SIGTERM else "interrupted"
    print(f"{program}: {what}; nothing unfinished is left", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Not `sys.exit`: XLA's threads may still be at work, and an interpreter that ended under them often crashed.
    os._exit(128 + number)
