import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from example_clips import random_clips, write_npy, write_shards

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream


@pytest.mark.slow
def test_worker_processes_change_neither_order_nor_content_and_may_differ_after_a_resume(tmp_path):
    folder = write_shards(tmp_path / "data", {"train": random_clips(23)})

    def stream(workers):
        config = PipelineConfig(source="grain", batch_size=4, frames=4, workers=workers)
        return open_stream(open_split(folder, "train"), config)

    alone, two = stream(0), stream(2)
    expected = list(itertools.islice(alone, 12))
    got = list(itertools.islice(two, 9))
    state = two.get_state()
    two.close()
    resumed = stream(1)
    resumed.set_state(state)
    got += list(itertools.islice(resumed, 3))
    resumed.close()
    for want, batch in zip(expected, got, strict=True):
        np.testing.assert_array_equal(batch.records, want.records)
        np.testing.assert_array_equal(batch.clips, want.clips)


READ_FOR_EVER = """
import sys, time
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream

if __name__ == "__main__":
    config = PipelineConfig(source="grain", batch_size=4, frames=4, workers=2)
    stream = open_stream(open_split(sys.argv[1], "train"), config)
    next(stream)
    print("reading", flush=True)
    while True:
        next(stream)
        time.sleep(0.01)
"""


def descendants(pid):
    """Process ids of children, and theirs."""
    children = [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    return children + [d for child in children for d in descendants(child)]


def wait_until(condition, seconds=600.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return condition()


@pytest.fixture
def reading(tmp_path):
    if not Path("/proc/self/task").is_dir():
        pytest.skip("looks at processes through /proc")
    folder = write_npy(tmp_path / "data", {"train": random_clips(23)})
    program = tmp_path / "read.py"
    program.write_text(READ_FOR_EVER)
    root = Path(__file__).parents[2]
    run = subprocess.Popen(
        [sys.executable, program, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert run.stdout.readline() == "reading\n", run.stderr.read()
    yield run
    run.kill()
    run.communicate()


@pytest.mark.slow
def test_workers_leave_when_the_training_is_killed(reading):
    workers = descendants(reading.pid)
    assert len(workers) >= 2
    reading.kill()
    reading.wait()
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_in_one_clear_line(reading):
    for pid in descendants(reading.pid):
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    _, error = reading.communicate(timeout=600)
    assert "UserError: a reading process of the data pipeline died" in error
