"""What a user sees of a command line with a wrong value, beside one with a wrong option."""

import re
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


def both(options: Options, other: int = 3) -> tuple[Options, int]:
    return options, other


def test_good_values_arrive():
    assert parse(Options, "example", ["--fps", "25", "--inner.width", "4"]) == Options(25, Inner(4))
    assert parse(both, "example", ["--options.fps", "25"]) == (Options(25), 3)


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
            r"invalid choice 'two' for argument '--kind'.*other.* \(example --help\)",
        ),
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
