"""`kill -9` at random moments and during saves: after resuming, the run is the straight run, bit for bit."""

import json
import subprocess
import sys

import pytest
from training_runs import ROOT, environment


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_is_killed_again_and_again_ends_as_the_straight_run(tmp_path, workers):
    out = tmp_path / "result.json"
    options = ["--kills", "3", "--workers", str(workers), "--steps", "300", "--seed", str(workers), "--out", str(out)]
    arguments = [sys.executable, "-m", "benchmarks.kill_and_resume", *options]
    variables = environment(quick=False)
    done = subprocess.run(arguments, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = json.loads(out.read_text())["runs"]
    assert run["equal"] == dict.fromkeys(run["equal"], True)
    starts = [kill["started_at"] for kill in run["kills"]] + [run["last_started_at"]]
    assert starts == sorted(starts) and starts[-1] > 0  # it went on, and never fell back
    for kill, went_on_at in zip(run["kills"], starts[1:], strict=True):
        # At most the steps since the last checkpoint, or the one before: a step is logged before its own checkpoint is
        # begun, which then waits for the one before, so that just there both may be lost.
        assert kill["logged"] - went_on_at <= 2 * 15
