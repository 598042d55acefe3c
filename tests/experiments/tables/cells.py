"""Tables of four models so small that their runs are made up in a moment: random weights, no training."""

import atexit
import functools
import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from training_runs import ROOT, example_splits

sys.path.append(str(ROOT / "tests" / "data"))
sys.path.append(str(ROOT / "tests" / "evaluation"))
from example_clips import write_npy
from example_run import write_run

from experiments import configs
from experiments.tables.config import TablesCommand
from experiments.tables.paper import Budget
from vqvae_jax.training.resume import DATA_FILE

NAMED = Path(__file__).parent / "named"
BUDGET = Budget("cell", "cell_", "Made up.")
ROLES = ("msvqvae", "vqvae2", "vqvae3d", "msvqvae_k512")
STEPS = 6


@pytest.fixture(scope="module", autouse=True)
def cell_experiments():
    """`cell_*` are named experiments here and not in other folders' tests, which may run in the same process."""
    configs.__path__.append(str(NAMED))
    yield
    configs.__path__.remove(str(NAMED))


def write_data(folder):
    """13 training, 5 validation and 3 test clips."""
    return write_npy(folder, example_splits())


def make_run(out, data, role, steps=(STEPS,), experiment=None, digest=None):
    """A run in OUT/runs as if it had been trained, up to the last of `steps`."""
    experiment = experiment or BUDGET.experiment(role)
    folder = out / "runs" / BUDGET.experiment(role).name
    shutil.copytree(written(experiment, steps), folder, dirs_exist_ok=True)
    digest = digest or json.loads((data / "card.json").read_text())["splits"]["train"]["digest"]
    (folder / DATA_FILE).write_text(json.dumps({"folder": str(data), "digest": digest}))
    return folder


@functools.cache
def written(experiment, steps):
    """Made once, since drawing weights compiles; the folder goes when the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="cells-"))
    atexit.register(shutil.rmtree, folder)
    write_run(folder, steps, experiment=experiment)
    return folder


def command(data, out, *tables, **options):
    return TablesCommand(tuple(tables), data, out, **options)


def never_launched(*arguments):
    raise AssertionError(f"launched {arguments}")
