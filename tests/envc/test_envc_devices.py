"""One step of both models: one device equals two, under both mappings."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "run_stage.py"
ROOT = PROGRAM.parents[2]


def test_two_devices_equal_one(tmp_path):
    settings = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, PROGRAM, tmp_path / "steps.npz"]
    done = subprocess.run(command, env=os.environ | settings, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "steps.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    one = {name.partition(" ")[2]: array for name, array in arrays.items() if name.startswith("shard_map:1 ")}
    assert len(one) > 200 and max(np.abs(array).max() for array in one.values()) > 0.1
    for kind in ("shard_map:2", "pmap:2"):
        for name, expected in one.items():
            atol = 2e-5 * max(np.abs(expected).max(), 1e-3)
            np.testing.assert_allclose(arrays[f"{kind} {name}"], expected, rtol=1e-3, atol=atol, err_msg=name)
