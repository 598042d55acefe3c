import shutil
from dataclasses import replace

import jax
import pytest
from example_run import EXPERIMENT, write_data, write_run
from stand_in import CLIPS, StandIn, baselines

from vqvae_jax.evaluation import job, opening
from vqvae_jax.evaluation.config import EvaluateConfig


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """Every evaluation compiles its functions anew; these tests run many of the same small one."""
    before = {name: getattr(jax.config, name) for name in ("jax_compilation_cache_dir", *THRESHOLDS)}
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    for name, value in THRESHOLDS.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


THRESHOLDS = {"jax_persistent_cache_min_compile_time_secs": 0.0, "jax_persistent_cache_min_entry_size_bytes": -1}


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Checkpoints 10, 20 (the best) and 30 (not validated) of a run of 30 steps."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    thirty = replace(EXPERIMENT, training=replace(EXPERIMENT.training, steps=30))
    write_run(folder, (10, 20, 30), {10: 5.0, 20: 7.0}, thirty)
    return folder


@pytest.fixture
def config(finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "ModelMeasurement", StandIn)
    monkeypatch.setattr(opening, "measure_baselines", lambda batches, *_, **__: baselines(batches.count))
    shutil.copytree(finished_run, tmp_path / "run")
    data = write_data(tmp_path / "data", CLIPS)
    StandIn.measured = []
    out = tmp_path / "out" / "r.json"
    return EvaluateConfig(tmp_path / "run", data, out, steps=("all",), files=0, watch_seconds=1e-3)
