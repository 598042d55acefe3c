"""What programs say, a line at a time. A user's mistake: what, where and what to do; exit code 2, no traceback."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO


class UserError(Exception):
    """Something the user can mend: a path, an option, a damaged file. The message is one line."""


class OutputError(UserError):
    """Standard output takes no more: a full disk."""


class ExistsError(UserError):
    """An output is there already and would be replaced if that were asked for."""


class MismatchError(UserError):
    """What was begun was begun with other options or other data than it is to be gone on with."""


class ConfigError(UserError, ValueError):
    """A configuration field holds a value that is not allowed; the message names field, value and allowed values."""


def one_line(text: str) -> str:
    """A text fit for one line of output, whatever control characters or undecodable bytes the names in it hold.

    They come as Python's escapes: `\\x1b` for one that could begin a terminal's command, `\\n` for the end of a line.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def number_of(count: int, thing: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def say(*lines: str, file: TextIO | None = None) -> None:
    """Prints lines at once, each by `one_line`; to standard output unless another file is given."""
    for line in lines:
        print(one_line(line), file=file, flush=True)


class _Output:
    """A text stream whose failures to write are `OutputError`s, other than that nobody reads on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _told():
            return self._stream.write(text)
        raise AssertionError

    def flush(self) -> None:
        with _told():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output: cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def _watched_output() -> Iterator[None]:
    plain = sys.stdout
    if plain is None:  # closed when the program started: what is printed goes nowhere
        yield
        return
    sys.stdout = _Output(plain)
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = plain


def run_command(program: str, main: Callable[[], None]) -> None:
    """Runs a command line's `main`; a `UserError` becomes `program: message` on standard error and exit code 2.

    Any other exception is a defect of ours and keeps its traceback. A closed output pipe (`... | head`) ends quietly.
    """
    try:
        with _watched_output():
            main()
    except UserError as error:
        with contextlib.suppress(OSError):  # standard error is full as well: the exit code is left
            say(f"{program}: {error}", file=sys.stderr)
        if isinstance(error, OutputError):
            _forget_output()
        sys.exit(2)
    except BrokenPipeError:
        _forget_output()
        sys.exit(141)


def _forget_output() -> None:
    """Python flushes standard output again at exit; points it somewhere that accepts bytes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
