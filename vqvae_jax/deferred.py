"""Names of a module that are imported when they are asked for: what is heavy waits until it is used."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def deferred(package: str, names: Mapping[str, tuple[str, str]]) -> Callable[[str], Any]:
    """A `__getattr__` for a module of the package.

    Args:
      package: whose modules hold the names.
      names: of the module's attributes, the module below the package and the name there.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(name)
        module, there = names[name]
        return getattr(importlib.import_module(f"{package}.{module}"), there)

    return find
