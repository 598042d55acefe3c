"""No verdict rests on seconds: a property is true of an example however long a busy machine takes over it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from hypothesis import settings

from vqvae_jax.compile_cache import FOLDER_VARIABLE

_KEPT = pytest.StashKey[str]()

# Shapes are tiny and programs many: most of the time would go into optimising machine code that runs for milliseconds.
# Without, the train step of `ntc_tiny` compiles in 2.3 s of CPU instead of 9.9. Set before JAX is imported; programs
# that tests start inherit it.
_FLAGS = "--xla_backend_optimization_level=0"
if version("jaxlib").startswith("0.10."):  # later ones end at a flag that they do not know
    _FLAGS += " --xla_cpu_use_fusion_emitters=false"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_FLAGS}".strip()

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Commands that tests start keep what they compile for each other, and leave the user's cache alone."""
    if not hasattr(config, "workerinput"):
        config.stash[_KEPT] = os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="vqvae_jax_tests_")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _KEPT in config.stash:
        shutil.rmtree(config.stash[_KEPT], ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def programs_go_with_their_tests() -> Iterator[None]:
    """Kept to the end they are 5 GB in each process, and a smaller machine ends what the page's tests run in."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


@pytest.fixture(autouse=True)
def usual_priority() -> Iterator[None]:
    """SVT-AV1 makes the thread that opens its encoder a real-time one (SCHED_FIFO, 99) where it may. What tests then
    started, Chromium for one, would inherit that and hold the cores against all else, itself included.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    if os.sched_getscheduler(0) != before[0]:
        os.sched_setscheduler(0, *before)


@pytest.fixture(autouse=True)
def nothing_kept_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a test calls within this process has programs kept from then on, and tests change what programs
    are made of: the next test keeps nothing.
    """
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
