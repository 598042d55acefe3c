"""Command lines parsed by tyro, whose explanations become messages of one line, as all of ours are."""

import contextlib
import dataclasses
import io
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from vqvae_jax.errors import ConfigError, UserError

PIPE = "-"  # standard input or output

T = TypeVar("T")


def parse(target: Callable[..., T], prog: str, arguments: Sequence[str] | None = None, config: Sequence[Any] = ()) -> T:
    """`tyro.cli`, but a mistake comes out as an error of ours; a `ConfigError` of a dataclass, however deep, as it is.

    Args:
      target: a dataclass or function.
      prog: the program in usage lines.
      arguments: without the program's name; by default those of this process.
      config: tyro's markers.

    Raises:
      ConfigError: of the first dataclass whose values are not allowed.
      UserError: about a mistake in the options themselves; also if `-`, a pipe, is given where a file or folder is
        needed. An option that takes it has the type `str`.
      SystemExit: after `--help`.
    """
    import tyro

    said = io.StringIO()
    try:
        # tyro puts the message into a box: held back until we know what it is about.
        with contextlib.redirect_stderr(said):
            found = tyro.cli(target, prog=prog, args=arguments, config=tuple(config))
    except SystemExit as leaving:
        cause: BaseException | None = leaving
        while cause is not None:
            if isinstance(cause, ConfigError):
                raise cause from None
            cause = cause.__context__
        if leaving.code and (told := _told(said.getvalue())):
            raise UserError(f"{told} ({prog} --help)") from None
        sys.stderr.write(said.getvalue())
        raise
    if PIPE in (sys.argv[1:] if arguments is None else arguments):  # "./-" is a file
        _refuse_pipes(found)
    return found


def _told(box: str) -> str:
    """What tyro's box says, without the help that it repeats: its first paragraph, and options with similar names.

    Names of options are indented by four in it, their help by eight. Empty if it looks otherwise.
    """
    # The box is drawn in ASCII where the output cannot show more.
    text = "\n".join(line[2:-1].rstrip() for line in box.splitlines()[1:] if line[:1] in ("│", " "))
    parts = [part.split("\n\n")[0].strip("\n").split("\n") for part in re.split("^[─-]+$", text, flags=re.MULTILINE)]
    named = [[line.strip() for line in part if not line.startswith(8 * " ")] for part in parts if any(part)]
    told = " ".join(named[0]) if named else ""
    similar = [f"; perhaps you meant {', '.join(part[1:])}" for part in named[1:] if part[0].startswith("Perhaps")]
    return told.rstrip(".") + "".join(similar)


def _refuse_pipes(options: Any) -> None:
    for name, value in vars(options).items() if dataclasses.is_dataclass(options) else ():
        if value == Path(PIPE):
            raise UserError(f"{name}={PIPE}: a pipe will not do here; name a file or a folder that can be gone back in")
        _refuse_pipes(value)
