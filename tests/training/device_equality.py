"""What one device and several make of the same step, from a program that saves arrays by name of mapping."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def assert_devices_equal(program: Path, out: Path, devices: int, rtol: float, fewest: int) -> None:
    """Runs `program OUT` where there are so many devices; it writes `MAPPING:DEVICES NAME` -> array to OUT.

    Args:
      fewest: arrays that one step has at least.
    """
    settings = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, program, out]
    done = subprocess.run(command, env=os.environ | settings, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    one = {name.partition(" ")[2]: array for name, array in arrays.items() if name.startswith("shard_map:1 ")}
    assert len(one) >= fewest and max(np.abs(array).max() for array in one.values()) > 0.1
    for kind in (f"shard_map:{devices}", f"pmap:{devices}"):
        for name, expected in one.items():
            atol = 2e-5 * max(np.abs(expected).max(), 1e-3)
            np.testing.assert_allclose(arrays[f"{kind} {name}"], expected, rtol=rtol, atol=atol, err_msg=name)
