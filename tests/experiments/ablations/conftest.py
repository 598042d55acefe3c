import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tables"))
from cells import cell_experiments

__all__ = ["cell_experiments"]


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    monkeypatch.delenv("VQVAE_JAX_WEIGHTS", raising=False)
