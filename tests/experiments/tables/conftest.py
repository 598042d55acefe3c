import os

import jax
import pytest
from cells import cell_experiments

__all__ = ["cell_experiments"]

THRESHOLDS = {"jax_persistent_cache_min_compile_time_secs": 0.0, "jax_persistent_cache_min_entry_size_bytes": -1}


@pytest.fixture(scope="session", autouse=True)
def compiled_once(compiled_programs):
    """Every evaluation compiles its functions anew; these tests run many of the same small one."""
    names = ("jax_compilation_cache_dir", *THRESHOLDS)
    before = {name: getattr(jax.config, name) for name in names}
    for name, value in {"jax_compilation_cache_dir": str(compiled_programs), **THRESHOLDS}.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    monkeypatch.delenv("VQVAE_JAX_WEIGHTS", raising=False)
    assert "VQVAE_JAX_WEIGHTS" not in os.environ
