"""Runs that are killed, at random moments of their saves, and runs of two processes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from example_state import assert_same_bits, make_state

from tests.free_ports import free_port
from vqvae_jax.training.checkpoints import Checkpoints

HERE = Path(__file__).parent
SAVE_FOR_EVER = """
import itertools, sys
from example_state import make_state
from vqvae_jax.training.checkpoints import Checkpoints
checkpoints = Checkpoints(sys.argv[1], keep_latest=2, keep_every=5)
start = checkpoints.restore().step if checkpoints.steps() else 0
for step in itertools.count(start + 1):
    checkpoints.save(step, make_state(step), {"position": step}, {"name": "x"}, {"psnr": float(step % 7)})
    checkpoints.wait()
    print(step, flush=True)
"""
TWO_PROCESSES = """
import sys
import jax
from example_state import assert_same_bits, make_state
from vqvae_jax.training.checkpoints import Checkpoints
jax.distributed.initialize("localhost:" + sys.argv[2], 2, int(sys.argv[3]))
checkpoints = Checkpoints(sys.argv[1])
for step in (1, 2, 3):
    checkpoints.save(step, make_state(step), {"position": step}, {})
checkpoints.close()
from jax.experimental.multihost_utils import sync_global_devices
sync_global_devices("saved")
assert_same_bits(checkpoints.restore(like=make_state(3)).state, make_state(3))
print("restored", checkpoints.steps())
"""


def start(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    path = f"{HERE}:{HERE.parents[1]}"
    environment = {"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "cpu", "HOME": "/nonexistent"}
    environment["XLA_FLAGS"] = os.environ["XLA_FLAGS"]  # the same arithmetic there as here
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_no_step_that_was_reported_saved(tmp_path):
    dice, folder, reported = random.Random(0), tmp_path / "c", 0
    for _ in range(6):
        run = start(SAVE_FOR_EVER, folder)
        first = run.stdout.readline()
        assert first, run.stderr.read()
        time.sleep(dice.uniform(0.0, 0.6))
        run.send_signal(signal.SIGKILL)
        rest, _ = run.communicate()
        steps = [int(line) for line in (first + rest).splitlines()]
        assert steps[0] > reported  # it resumed, and did not start again
        reported = steps[-1]
        reader = Checkpoints(folder, read_only=True)
        for step in reader.steps():
            restored = reader.restore(step, like=make_state(step))
            assert_same_bits(restored.state, make_state(step))
            assert restored.stream_state == {"position": step}
        assert reader.restore().step >= reported
        assert reader.restore().damaged == ()
    kept = reader.steps()
    assert set(range(5, reported, 5)) <= set(kept)
    assert len(kept) <= reported // 5 + 5


@pytest.mark.slow
def test_a_reader_beside_a_writer_never_meets_half_a_step(tmp_path):
    folder = tmp_path / "c"
    run = start(SAVE_FOR_EVER, folder)
    assert run.stdout.readline(), run.stderr.read()
    reader, seen, until = Checkpoints(folder, read_only=True), set(), time.monotonic() + 600
    try:
        while len(seen) < 10 and time.monotonic() < until:
            restored = reader.restore("latest")
            assert restored.damaged == ()
            np.testing.assert_array_equal(restored.state["step"], restored.step)
            seen.add(restored.step)
    finally:
        run.kill()
        run.communicate()
    assert len(seen) == 10


@pytest.mark.slow
def test_of_two_processes_one_writes_and_both_restore(tmp_path):
    port = free_port()
    runs = [start(TWO_PROCESSES, tmp_path / "c", port, index) for index in range(2)]
    for run in runs:
        out, error = run.communicate(timeout=600)
        assert out.endswith("restored [2, 3]\n"), error
