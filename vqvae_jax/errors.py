"""User mistakes: one clear line that says what, where and what to do; exit code 2, no traceback."""

import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can mend: a path, an option, a damaged file. The message is one line."""


class ExistsError(UserError):
    """An output is there already and would be replaced if that were asked for."""


class ConfigError(UserError, ValueError):
    """A configuration field holds a value that is not allowed; the message names field, value and allowed values."""


def run_command(program: str, main: Callable[[], None]) -> None:
    """Runs a command line's `main`; a `UserError` becomes `program: message` on standard error and exit code 2.

    Any other exception is a defect of ours and keeps its traceback. A closed output pipe (`... | head`) ends quietly.
    """
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # Python flushes standard output again at exit; point it somewhere that still accepts bytes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
