"""What a user sees of a command line with a wrong value, beside one with a wrong option."""

import re
import sys
from dataclasses import dataclass, field
from typing import Literal

import pytest

from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import ConfigError, UserError


@dataclass(frozen=True)
class Inner:
    width: int = 8

    def __post_init__(self):
        check(self.width > 0, "inner.width", self.width, "1 or more")


@dataclass(frozen=True)
class Options:
    """An example."""

    fps: int = 16
    """Frames per second."""
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self):
        check(self.fps > 0, "fps", self.fps, "1 or more")


@dataclass(frozen=True)
class Explained:
    """An example."""

    rate: int = 1
    """Of which much can be said, more than fits into a line of the source, so that
    it goes on in a second one, to
    3 lines."""


def both(options: Options, other: int = 3) -> tuple[Options, int]:
    return options, other


def test_good_values_arrive():
    assert parse(Options, "example", ["--fps", "25", "--inner.width", "4"]) == Options(25, Inner(4))
    assert parse(both, "example", ["--options.fps", "25"]) == (Options(25), 3)


def test_help_is_as_wide_as_the_terminal_and_not_as_the_source(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    with pytest.raises(SystemExit):
        parse(Explained, "example", ["--help"])
    assert "so that it goes on in a second one, to 3 lines." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        (Options, ["--fps", "0"], "config: fps=0 is not allowed; expected 1 or more"),
        (Options, ["--inner.width", "0"], "config: inner.width=0 is not allowed; expected 1 or more"),
        (both, ["--options.fps", "-1"], "config: fps=-1 is not allowed; expected 1 or more"),
    ],
)
def test_a_value_that_a_dataclass_refuses_is_its_own_message_and_no_box(target, arguments, message, capsys):
    with pytest.raises(ConfigError) as error:
        parse(target, "example", arguments)
    assert str(error.value) == message
    assert capsys.readouterr() == ("", "")


@dataclass(frozen=True)
class Needs:
    place: str
    """Where, in a sentence that is long enough for the parser to go on with it in a second line of its box."""
    size: int | None = None
    """How large."""
    kind: Literal["one", "other"] = "one"
    count: int | Literal["all"] = "all"
    box: tuple[int, int] = (1, 1)


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        (Options, ["--fqs", "3"], r"Unrecognized options: --fqs, 3; Perhaps you meant: --fps INT.* \(example --help\)"),
        (Options, ["--zz", "3"], r"Unrecognized options: --zz, 3 \(example --help\)"),
        (Options, ["--fps", "many"], r"--fps 'many': expected a whole number \(example --help\)"),
        (Needs, ["--place", "x", "--size", "many"], r"--size 'many': expected a whole number \(example --help\)"),
        (
            Needs,
            ["--place", "x", "--kind", "two"],
            r"--kind 'two': expected one, other \(example --help\)",
        ),
        (Needs, ["--place", "x", "--count", "some"], r"--count 'some': expected a whole number, or all \(.*"),
        (Needs, ["--place"], r"--place: expected a value \(example --help\)"),
        (Needs, ["--place", "x", "--box", "3"], r"--box: expected 2 values \(example --help\)"),
        (Needs, [], r"Missing from example: --place STR \(example --help\)"),
        (Needs, ["--plaze", "x"], r"Missing from example: --place STR; Unrecognized options: --plaze, x.*"),
        (Options, ["--fps", "a,b" + 100 * "c"], r"--fps 'a,bc{100}': expected a whole number .*"),
    ],
)
def test_a_wrong_option_is_explained_in_one_line(target, arguments, message, capsys):
    with pytest.raises(UserError) as error:
        parse(target, "example", arguments)
    assert re.fullmatch(message, str(error.value)), error.value
    assert capsys.readouterr() == ("", "")


def test_a_file_whose_name_looks_like_an_option_is_told_how_to_be_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-odd name.mp4").touch()
    with pytest.raises(UserError, match=r"-odd name\.mp4 looks like an option: .* is given as \./-odd name\.mp4"):
        parse(Options, "example", ["-odd name.mp4"])


def test_help_goes_to_standard_output(capsys):
    with pytest.raises(SystemExit) as exit_:
        parse(Options, "python -m example", ["--help"])
    out, err = capsys.readouterr()
    assert (exit_.value.code, err) == (0, "")
    assert "python -m example" in out and "Frames per second." in out


@dataclass(frozen=True)
class OnePlace:
    place: str | None = None


@dataclass(frozen=True)
class Optional:
    """An example."""

    place: str | None = None
    """Where; default: here."""
    also: tuple[str, ...] = ()
    """What else."""
    force: bool = False
    """Overwrite it."""
    size: int = 5
    """How large."""


def test_help_shows_defaults_that_say_something_and_one_name_for_a_flag(capsys):
    with pytest.raises(SystemExit):
        parse(Optional, "example", ["--help"])
    said = capsys.readouterr().out
    assert re.findall(r"\(default: [^)]*\)", said) == ["(default: 5)"]
    assert "Where; default: here." in said and "--force" in said and "--no-force" not in said
    assert parse(Optional, "example", ["--force"]).force


def test_optional_values_need_no_second_library_to_check_their_types(monkeypatch):
    monkeypatch.setitem(sys.modules, "typeguard", None)  # importing it fails
    assert parse(OnePlace, "example", []).place is None
    assert parse(OnePlace, "example", ["--place", "here"]).place == "here"
