"""Command lines parsed by tyro, whose explanations become messages of one line, as all of ours are."""

import contextlib
import dataclasses
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vqvae_jax.errors import ConfigError, UserError

PIPE = "-"  # standard input or output

#: How tyro says that a value is none of the option's type; and what type.
_UNFIT = r"Error parsing (\S+): no type matching (?:\{None\}\|)?%s could be .* from \['(.*)'\]"
_VALUES = {
    re.compile(_UNFIT % "INT"): "whole number",
    re.compile(_UNFIT % "FLOAT"): "number",
    re.compile(r"Error parsing (\S+): invalid literal for int\(\) with base 10: '(.*)'"): "whole number",
    re.compile(r"Error parsing (\S+): could not convert string to float: '(.*)'"): "number",
}

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
        if leaving.code and (told := _told(partial(tyro.cli, target, prog=prog, args=arguments, config=tuple(config)))):
            for pattern, kind in _VALUES.items():
                told = pattern.sub(rf"\1 '\2': expected a {kind}", told)
            given = sys.argv[1:] if arguments is None else arguments
            if taken := [word for word in given if word.startswith("-") and Path(word).exists()]:
                told += f"; {taken[0]} looks like an option: a file of that name is given as ./{taken[0]}"
            raise UserError(f"{told} ({prog} --help)") from None
        sys.stderr.write(said.getvalue())
        raise
    if PIPE in (sys.argv[1:] if arguments is None else arguments):  # "./-" is a file
        _refuse_pipes(found)
    return found


def _told(parse_again: Callable[[], Any]) -> str:
    """What tyro's box says, in one line, without the help that it repeats; empty if there is no box.

    Args:
      parse_again: ends as the first time, now with room for whole lines and without colours. Names of options are
        indented by four in it, their help by eight.
    """
    from unittest.mock import patch  # sets variables and puts them back; needed for mistakes alone

    said, variables = io.StringIO(), patch.dict(os.environ, COLUMNS="10000", TERM="dumb")
    with contextlib.redirect_stderr(said), contextlib.suppress(SystemExit), variables:
        parse_again()
    # The box is drawn in ASCII, open to the right, where the output cannot show more.
    lines = [line[2:].rstrip(" │") for line in said.getvalue().splitlines()[1:] if line[:1] in ("│", " ")]
    paragraphs = [part.strip("\n").split("\n\n")[0] for part in re.split(r"(?m)^[ ─-]*[─-]{3,}$", "\n".join(lines))]
    told = []
    for paragraph in filter(None, paragraphs):
        first, *rest = [line.strip() for line in paragraph.split("\n") if not line.startswith(8 * " ")]
        if not first.startswith(("For full helptext", "Argument helptext")):
            told.append(f"{first.rstrip('.')} {', '.join(rest)}".strip())
    return "; ".join(told)


def _refuse_pipes(options: Any) -> None:
    for name, value in vars(options).items() if dataclasses.is_dataclass(options) else ():
        if value == Path(PIPE):
            raise UserError(f"{name}={PIPE}: a pipe will not do here; name a file or a folder that can be gone back in")
        _refuse_pipes(value)
