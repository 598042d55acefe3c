"""What programs say, a line at a time. A user's mistake: what, where and what to do; exit code 2, no traceback."""

import os
import sys
from collections.abc import Callable
from typing import TextIO


class UserError(Exception):
    """Something the user can mend: a path, an option, a damaged file. The message is one line."""


class ExistsError(UserError):
    """An output is there already and would be replaced if that were asked for."""


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


def run_command(program: str, main: Callable[[], None]) -> None:
    """Runs a command line's `main`; a `UserError` becomes `program: message` on standard error and exit code 2.

    Any other exception is a defect of ours and keeps its traceback. A closed output pipe (`... | head`) ends quietly.
    """
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        say(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # Python flushes standard output again at exit; point it somewhere that still accepts bytes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
