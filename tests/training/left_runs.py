"""Runs that are left and gone on with in one process, and what they come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.interrupt import Interruption
from vqvae_jax.training.logs import read_metrics

RATES = ("time", "clips_per_second", "flops_per_second")


@contextmanager
def kept_programs(folder: Path, least_seconds: int) -> Iterator[None]:
    """What takes so long to compile is there for those that follow."""
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": least_seconds,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@contextmanager
def left_after(steps: int | None) -> Iterator[None]:
    """A training in here is left when so many of its steps are done."""
    asked = []

    def agreed(*_):
        asked.append(1)
        return steps is not None and len(asked) > steps

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Interruption, "agreed", agreed)
        yield


def last(folder: Path):
    """The latest step, and the digests of its state."""
    checkpoints = Checkpoints(folder / FOLDER, read_only=True)
    step = checkpoints.steps()[-1]
    return step, checkpoints.record(step).leaves


def curves(folder: Path):
    """The log without what no two runs share."""
    return [{name: value for name, value in line.items() if name not in RATES} for line in read_metrics(folder)]
