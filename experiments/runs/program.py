"""A program that starts others: lines in order, and one line that says how to go on after a signal."""

import contextlib
import signal
import sys
from collections.abc import Iterator

from experiments.demo import StoppedError, stop


def say(line: str) -> None:
    """Prints a line at once: programs started from here print between ours."""
    print(line, flush=True)


@contextlib.contextmanager
def stoppable(program: str, kept: str = "the same command goes on where it was") -> Iterator[None]:
    """Turns SIGINT and SIGTERM into one line and the exit code 128 + signal; `kept` says what is left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        yield
    except StoppedError as stopped:
        print(f"{program}: {stopped.signal.name}: stopped; {kept}", file=sys.stderr)
        sys.exit(128 + stopped.signal)
