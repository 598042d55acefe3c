"""SIGINT, SIGTERM and SIGHUP end a program in good order: what was begun is removed, and one line says so.

Python delivers a signal between any two instructions, so a `finally` alone cannot promise this: a signal may come after
a file was made and before the block that would remove it. What a program begins is therefore listed before it exists,
and what is listed still when the program leaves is removed then.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from vqvae_jax.errors import say

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
_USUAL: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}

Undo = Callable[[], object]

_heard: list[signal.Signals] = []
_begun: dict[Undo, None] = {}  # ordered
_undisturbed = 0


class Stopped(KeyboardInterrupt):
    """A signal came. Met like Ctrl-C, so that nothing on the way takes it for an error to handle."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def stoppable(program: str, kept: Callable[[], str] = lambda: "nothing unfinished is left") -> Iterator[None]:
    """Turns the signals into `Stopped`, and that into the line `program: interrupted; ...` and exit code 128 + signal.

    A signal that the process was started with ignored (`nohup`, a shell's background job) goes on being ignored. Must
    be entered in the main thread.

    Args:
      program: named in the line.
      kept: says what is left, unless the `KeyboardInterrupt` that arrives carries a message of its own.
    """
    ours = [number for number, usual in _USUAL.items() if signal.getsignal(number) is usual]
    hook = sys.unraisablehook
    for number in ours:
        signal.signal(number, _note)
    sys.unraisablehook = _unraisable
    try:
        yield
    except BaseException as end:
        # What a library makes of a signal that met it may be another exception.
        if not isinstance(end, KeyboardInterrupt) and not _heard:
            raise
        _leave(program, str(end) if isinstance(end, KeyboardInterrupt) and str(end) else kept())
    finally:
        sys.unraisablehook = hook
        for number in ours:
            signal.signal(number, _USUAL[number])


def leave_at_once(program: str) -> None:
    """Until another handler is set, SIGINT ends the program with a line and exit code 130, whatever it is doing.

    Python runs a handler between two of its own instructions, which may be minutes of compilation away, or in a
    callback that loses the exception, or under XLA, which crashes when it is unwound. So a thread is told, by the
    system (`signal.set_wakeup_fd`). For programs that have nothing to save, before their work and after it; what is
    listed as begun is undone.

    Args:
      program: named in the line.
    """
    told, tells = socket.socketpair()
    tells.setblocking(False)

    def wait() -> None:
        while numbers := told.recv(1):
            if numbers[0] == signal.SIGINT and signal.getsignal(signal.SIGINT) is _nothing:
                undo_begun()
                with contextlib.suppress(OSError):
                    say(f"{program}: {WORDS[signal.SIGINT]}; there was nothing to save", file=sys.stderr)
                os._exit(128 + signal.SIGINT)

    signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _nothing)
    threading.Thread(target=wait, name="stopping", daemon=True).start()


def _nothing(number: int, _: object) -> None:
    """Python has been told; the thread of `leave_at_once` acts."""


def begin(undo: Undo) -> None:
    """Lists what undoes something, before that is begun.

    Args:
      undo: called if the program leaves before `end(undo)`, whatever has been done until then.
    """
    _begun[undo] = None


def end(undo: Undo) -> None:
    """It is whole, or has been undone."""
    _begun.pop(undo, None)


def undo_begun() -> None:
    """Undoes all that is listed, the latest first."""
    for undo in reversed(list(_begun)):
        with contextlib.suppress(Exception):  # the next one must be undone too
            undo()
        end(undo)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Signals wait until the block ends: for a few steps that must not be torn apart."""
    global _undisturbed
    _undisturbed += 1
    try:
        yield
    finally:
        _undisturbed -= 1
    check()


def check() -> None:
    """Raises `Stopped` if a signal came, even where Python lost the exception: in a garbage collector's callback, say.

    For loops that take long.
    """
    if _heard and not _undisturbed:
        raise Stopped(_heard[0])


def _note(number: int, _: object) -> None:
    _heard.append(signal.Signals(number))
    if not _undisturbed:
        raise Stopped(number)


def _unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """`check` raises again what was lost; the user need not see where."""
    if not (_heard and lost.exc_type is not None and issubclass(lost.exc_type, KeyboardInterrupt)):
        sys.__unraisablehook__(lost)


def _leave(program: str, kept: str) -> NoReturn:
    for number in WORDS:
        signal.signal(number, signal.SIG_IGN)
    undo_begun()
    number = _heard[0] if _heard else signal.SIGINT
    with contextlib.suppress(OSError):  # a pipe that nobody reads
        say(f"{program}: {WORDS[number]}; {kept}", file=sys.stderr)
        print("", end="", flush=True)  # does nothing where standard output is closed
    # Not `sys.exit`: XLA's threads may still be at work, and an interpreter that ended under them often crashed.
    os._exit(128 + number)
