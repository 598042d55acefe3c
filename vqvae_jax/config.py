"""Configuration as frozen dataclasses: field checks with helpful messages, and an exact way to JSON and back."""

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, TypeGuard, TypeVar

from vqvae_jax.errors import ConfigError

T = TypeVar("T")


def check(ok: bool, field: str, value: object, allowed: str) -> None:
    """Raises a `ConfigError` that names field, value and what is allowed, unless `ok`."""
    if not ok:
        raise ConfigError(f"config: {field}={value!r} is not allowed; expected {allowed}")


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite real number, Python's or NumPy's, and no truth value."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is an integer, Python's or NumPy's, and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_choice(field: str, value: object, choices: Iterable[object]) -> None:
    """Raises a `ConfigError` unless `value` is one of `choices`."""
    allowed = tuple(choices)
    check(value in allowed, field, value, "one of " + ", ".join(map(str, allowed)))


def check_choices(config: Any, section: str) -> None:
    """`check_choice` for every field whose type is a `Literal`, under the name `section.field`."""
    for name, hint in typing.get_type_hints(type(config)).items():
        if typing.get_origin(hint) is typing.Literal:
            check_choice(f"{section}.{name}", getattr(config, name), typing.get_args(hint))


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration as plain JSON values (tuples become lists)."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "config") -> T:
    """Rebuilds a dataclass from `to_dict`'s output; its own validation runs again.

    Raises:
      ConfigError: if a field is unknown, missing or of the wrong kind; the message names it with its full path.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected an object with fields, found {values!r}")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(f"{where}: unknown field {unknown[0]!r}; known fields: {', '.join(sorted(fields))}")
    required = {name for name, f in fields.items() if f.default is f.default_factory is dataclasses.MISSING}
    missing = sorted(required - set(values))
    if missing:
        raise ConfigError(f"{where}: field {missing[0]!r} is missing")
    return cls(**{name: _typed(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _typed(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _typed(args[0], value, where)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        return _typed(next(a for a in args if a is not type(None)), value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_dict(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: expected a list, found {value!r}")
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) != len(value):
            raise ConfigError(f"{where}: expected {len(kinds)} values, found {len(value)}: {value!r}")
        return tuple(_typed(kind, v, where) for kind, v in zip(kinds, value, strict=True))
    if origin is typing.Literal:
        check_choice(where, value, args)
        return value
    wanted: Any = (int, float) if hint is float else hint
    if isinstance(wanted, type | tuple) and (
        not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool)
    ):
        raise ConfigError(f"{where}: expected {getattr(hint, '__name__', hint)}, found {value!r}")
    return float(value) if hint is float else value
