"""One file per named experiment: `config`, and a docstring that holds command, hardware, data and score."""

import importlib
import pkgutil
from typing import Any

from vqvae_jax.errors import UserError


def names() -> list[str]:
    """The named experiments, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Any:
    """A named experiment, of whatever family.

    Raises:
      UserError: lists the names if there is no such experiment.
    """
    if name not in names():
        raise UserError(f"no experiment is called {name!r}; experiments/configs/ has {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").config
