"""Command lines parsed by tyro, with our own one-line messages for values that a configuration refuses."""

import contextlib
import dataclasses
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from vqvae_jax.errors import ConfigError, UserError

PIPE = "-"  # standard input or output

T = TypeVar("T")


def parse(target: Callable[..., T], prog: str, arguments: Sequence[str] | None = None, config: Sequence[Any] = ()) -> T:
    """`tyro.cli`, but a `ConfigError` of a dataclass, however deep, comes out as it is.

    Args:
      target: a dataclass or function.
      prog: the program in usage lines.
      arguments: without the program's name; by default those of this process.
      config: tyro's markers.

    Raises:
      ConfigError: of the first dataclass whose values are not allowed.
      UserError: if `-`, a pipe, is given where a file or folder is needed. An option that takes it has the type `str`.
      SystemExit: after `--help` (0) or a mistake in the options themselves (2), which tyro has explained.
    """
    import tyro

    said = io.StringIO()
    try:
        # tyro puts the message into a box that names our classes: held back until we know what it is about.
        with contextlib.redirect_stderr(said):
            found = tyro.cli(target, prog=prog, args=arguments, config=tuple(config))
    except SystemExit as leaving:
        cause: BaseException | None = leaving
        while cause is not None:
            if isinstance(cause, ConfigError):
                raise cause from None
            cause = cause.__context__
        sys.stderr.write(said.getvalue())
        raise
    if PIPE in (sys.argv[1:] if arguments is None else arguments):  # "./-" is a file
        _refuse_pipes(found)
    return found


def _refuse_pipes(options: Any) -> None:
    for name, value in vars(options).items() if dataclasses.is_dataclass(options) else ():
        if value == Path(PIPE):
            raise UserError(f"{name}={PIPE}: a pipe will not do here; name a file or a folder that can be gone back in")
        _refuse_pipes(value)
