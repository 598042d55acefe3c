"""Configuration: to JSON and back, and errors that name field, value and what is allowed."""

import dataclasses
import json
from typing import Literal

import pytest

from vqvae_jax.config import check, check_choice, from_dict, to_dict
from vqvae_jax.errors import ConfigError, UserError


@dataclasses.dataclass(frozen=True)
class Inner:
    size: tuple[int, int]
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner = dataclasses.field(default_factory=lambda: Inner((1, 2)))
    other: Inner | None = None
    rate: float = 0.5
    count: int = 3
    on: bool = False
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        check(self.count > 0, "count", self.count, "a whole number above 0")


@pytest.mark.parametrize(
    "config", [Outer(), Outer(Inner((3, 4), ("x", "y")), Inner((5, 6)), 1e-7, 2**40, True, "b"), Outer(rate=float(2))]
)
def test_a_configuration_survives_json(config):
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config)))) == config


def test_a_whole_number_is_a_float_too():
    rebuilt = from_dict(Outer, {"rate": 2})
    assert rebuilt.rate == 2.0 and isinstance(rebuilt.rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rat": 1.0}, "run.json: unknown field 'rat'; known fields: count, inner, kind, on, other, rate"),
        ({"inner": {"names": []}}, "run.json.inner: field 'size' is missing"),
        ({"inner": {"size": [1]}}, "run.json.inner.size: expected 2 values, found 1: [1]"),
        ({"inner": {"size": 7}}, "run.json.inner.size: expected a list, found 7"),
        ({"inner": [1]}, "run.json.inner: expected an object with fields, found [1]"),
        ({"other": {"size": [1, "x"]}}, "run.json.other.size: expected int, found 'x'"),
        ({"rate": "fast"}, "run.json.rate: expected float, found 'fast'"),
        ({"rate": True}, "run.json.rate: expected float, found True"),
        ({"count": 1.5}, "run.json.count: expected int, found 1.5"),
        ({"count": True}, "run.json.count: expected int, found True"),
        ({"on": 1}, "run.json.on: expected bool, found 1"),
        ({"kind": "c"}, "config: run.json.kind='c' is not allowed; expected one of a, b"),
        ({"count": 0}, "config: count=0 is not allowed; expected a whole number above 0"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(values, message):
    with pytest.raises(ConfigError) as error:
        from_dict(Outer, values, "run.json")
    assert str(error.value) == message


def test_a_choice_lists_what_is_allowed():
    check_choice("norm", "rms", ("rms", "layer"))
    with pytest.raises(ConfigError, match="config: norm='batch' is not allowed; expected one of rms, layer"):
        check_choice("norm", "batch", ("rms", "layer"))


def test_a_config_error_is_a_user_error_and_a_value_error():
    assert issubclass(ConfigError, UserError) and issubclass(ConfigError, ValueError)
