"""Command lines parsed by tyro, whose explanations become messages of one line, as all of ours are."""

import contextlib
import dataclasses
import inspect
import io
import os
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vqvae_jax.errors import ConfigError, UserError

PIPE = "-"  # standard input or output

#: How tyro says that a value is none of the option's type, or that there is none; and how we do.
_UNFIT = r"Error parsing (\S+): no type matching (?:\{None\}\|)?%s could be .* from \['(.*)'\]"
_SAID = {
    re.compile(_UNFIT % "INT"): r"\1 '\2': expected a whole number",
    re.compile(_UNFIT % "FLOAT"): r"\1 '\2': expected a number",
    re.compile(_UNFIT % r"INT\|\{(\w+)\}"): r"\1 '\3': expected a whole number, or \2",
    re.compile(
        r"Error parsing (\S+): invalid literal for int\(\) with base 10: '(.*)'"
    ): r"\1 '\2': expected a whole number",
    re.compile(r"Error parsing (\S+): could not convert string to float: '(.*)'"): r"\1 '\2': expected a number",
    re.compile(r"Missing value for argument '(\S+)'\. Expected 1 values"): r"\1: expected a value",
    re.compile(r"Missing value for argument '(\S+)'\. Expected (\d+) values"): r"\1: expected \2 values",
}
_CHOICE = re.compile(r"invalid choice '(.*)' for argument '(\S+)'\. Expected one of \((.*?),?\)")

#: What tyro says of a default that says nothing: the option's own words tell what is done without it.
_NO_DEFAULT = {f"(default: {none})" for none in ("None", "False", "", "''")}

#: Of a line, but not of a paragraph.
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")

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

    config = (tyro.conf.FlagCreatePairsOff, *config)  # `--force`, and no `--no-force`
    said = io.StringIO()
    try:
        # tyro puts the message into a box: held back until we know what it is about.
        with contextlib.redirect_stderr(said), _unindented_docstrings(), _defaults_that_say_something(), _unions():
            found = tyro.cli(target, prog=prog, args=arguments, config=tuple(config))
    except SystemExit as leaving:
        cause: BaseException | None = leaving
        while cause is not None:
            if isinstance(cause, ConfigError):
                raise cause from None
            cause = cause.__context__
        if leaving.code and (told := _told(partial(tyro.cli, target, prog=prog, args=arguments, config=tuple(config)))):
            for pattern, ours in _SAID.items():
                told = pattern.sub(ours, told)
            told = _CHOICE.sub(_choice, told)
            given = sys.argv[1:] if arguments is None else arguments
            if taken := [word for word in given if word.startswith("-") and Path(word).exists()]:
                told += f"; {taken[0]} looks like an option: a file of that name is given as ./{taken[0]}"
            raise UserError(f"{told} ({prog} --help)") from None
        sys.stderr.write(said.getvalue())
        raise
    if PIPE in (sys.argv[1:] if arguments is None else arguments):  # "./-" is a file
        _refuse_pipes(found)
    return found


@contextlib.contextmanager
def _unindented_docstrings() -> Iterator[None]:
    """tyro leaves lines of a field's docstring as they are that are indented, as ours are after the first, or begin
    with a digit or a sign: their ends in the source would be ends of lines in the help.
    """
    import docstring_parser
    from docstring_parser import DocstringStyle

    original = docstring_parser.parse_from_object

    def unindented(obj: Any, style: DocstringStyle = DocstringStyle.AUTO) -> docstring_parser.Docstring:
        found = original(obj, style)
        for field in found.params:
            field.description = field.description and _LINE_END.sub(" ", inspect.cleandoc(field.description))
        return found

    docstring_parser.parse_from_object = unindented
    try:
        yield
    finally:
        docstring_parser.parse_from_object = original


@contextlib.contextmanager
def _defaults_that_say_something() -> Iterator[None]:
    """tyro has no setting for this: what it is made of is looked at with care, and left alone where it is another."""
    from tyro import _arguments, _fmtlib

    original = getattr(_arguments, "generate_argument_helptext", None)

    def without(*arguments: Any, **named: Any) -> Any:
        assert original is not None
        found = original(*arguments, **named)
        segments = getattr(found, "_segments", ())
        last = segments[-1] if segments else ""
        said = last if isinstance(last, str) else last.as_str_no_ansi()
        return _fmtlib.text(*segments[:-2]) if said in _NO_DEFAULT else found

    if original is not None:
        _arguments.generate_argument_helptext = without
    try:
        yield
    finally:
        if original is not None:
            _arguments.generate_argument_helptext = original


@contextlib.contextmanager
def _unions() -> Iterator[None]:
    """tyro looks into `Union[X, None]` itself, into `X | None` with typeguard: longer to import than tyro itself."""
    from tyro import _resolver

    original = getattr(_resolver, "is_instance", None)

    def is_instance(typ: Any, value: Any) -> bool:
        assert original is not None
        if isinstance(typ, types.UnionType):
            return any(is_instance(one, value) for one in typ.__args__)
        return bool(original(typ, value))

    if original is not None:
        _resolver.is_instance = is_instance
    try:
        yield
    finally:
        if original is not None:
            _resolver.is_instance = original


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


def _choice(found: re.Match[str]) -> str:
    choices = re.findall(r"'(.*?)'", found[3])
    if "None" in choices:  # that is: leave it out. Tyro took these choices from a set, whose order changes by the run
        choices = sorted(set(choices) - {"None"})
    return f"{found[2]} '{found[1]}': expected {', '.join(choices)}"


def _refuse_pipes(options: Any) -> None:
    for name, value in vars(options).items() if dataclasses.is_dataclass(options) else ():
        if value == Path(PIPE):
            raise UserError(f"{name}={PIPE}: a pipe will not do here; name a file or a folder that can be gone back in")
        _refuse_pipes(value)
