"""One step before the optimiser: 1 device = 8 devices = 2 processes, under both mappings."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.free_ports import free_port

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "run_raw_step.py"
ROOT = PROGRAM.parents[2]


def launch(out, *arguments, devices):
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, PROGRAM, out, *arguments],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    try:
        for process in processes:
            output, _ = process.communicate(timeout=900)
            assert process.returncode == 0, output[-3000:]
    finally:
        for process in processes:
            process.kill()


def arrays_of(file, run):
    with np.load(file, allow_pickle=False) as arrays:
        return {name.removeprefix(run): arrays[name] for name in arrays.files if name.startswith(run)}


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    out = tmp_path_factory.mktemp("devices") / "steps.npz"
    finish(launch(out, "shard_map:1", "shard_map:8", "pmap:8", devices=8))
    return out


def assert_same_step(found, expected):
    """`indices` may be a part of the expected batch: compared elsewhere."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if name.startswith("['counts']"):
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        elif not name.startswith("['indices']"):
            atol = 1e-5 * max(np.abs(array).max(), 1e-3)
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=atol, err_msg=name)


@pytest.mark.parametrize("kind", ["shard_map", "pmap"])
def test_eight_devices_equal_one(eight, kind):
    one, many = arrays_of(eight, "shard_map:1"), arrays_of(eight, f"{kind}:8")
    assert_same_step(many, one)
    indices = [name for name in one if name.startswith("['indices']")]
    assert len(indices) == 2
    for name in indices:
        np.testing.assert_array_equal(many[name], one[name])
    # Not all alike by being nothing.
    assert max(np.abs(a).max() for name, a in one.items() if name.startswith("['gradients']")) > 1e-3
    assert sum(a.sum() for name, a in one.items() if name.startswith("['counts']")) == 8 * (4 + 32)


@pytest.mark.parametrize("kind", ["shard_map", "pmap"])
def test_two_processes_with_half_the_batch_each_equal_one(eight, kind, tmp_path):
    coordinator = f"localhost:{free_port()}"
    outs = [tmp_path / f"{process}.npz" for process in range(2)]
    common = (f"{kind}:4", "--coordinator", coordinator, "--processes", "2", "--process-id")
    finish(*(launch(out, *common, str(process), devices=2) for process, out in enumerate(outs)))
    one = arrays_of(eight, "shard_map:1")
    halves = [arrays_of(out, f"{kind}:4") for out in outs]
    for half in halves:
        assert_same_step(half, one)
    for name in (name for name in one if name.startswith("['indices']")):
        np.testing.assert_array_equal(np.concatenate([half[name] for half in halves]), one[name])
