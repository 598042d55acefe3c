"""No verdict rests on seconds: a property is true of an example however long a busy machine takes over it."""

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

_KEPT = pytest.StashKey[str]()

# Shapes are tiny and programs many: most of the time would go into optimising machine code that runs for milliseconds.
# Set before JAX is imported; programs that tests start inherit it.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=1".strip()

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Commands that tests start keep what they compile for each other, and leave the user's cache alone."""
    if not hasattr(config, "workerinput"):
        config.stash[_KEPT] = os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="vqvae_jax_tests_")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _KEPT in config.stash:
        shutil.rmtree(config.stash[_KEPT], ignore_errors=True)
