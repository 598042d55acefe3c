"""A folder that cannot be written: full, read-only, or not a folder."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.training.checkpoints import Checkpoints


@pytest.fixture
def no_room():
    """Lets no file grow beyond 64 KiB, as a full disk would; undone by calling it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield limit
    limit(soft)


def noise(seed):
    return {"w": np.random.default_rng(seed).random(50_000)}  # 400 kB, incompressible


def test_no_room_is_one_line_leaves_the_earlier_step_whole_and_the_next_save_works(tmp_path, no_room, capfd):
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.save(1, noise(1), {}, {})
    checkpoints.wait()
    no_room(65536)
    with pytest.raises(UserError, match=r"step 2 could not be written .*: File too large$"):
        checkpoints.save(2, noise(2), {}, {})
        checkpoints.wait()
    no_room(resource.RLIM_INFINITY)
    assert "Traceback" not in capfd.readouterr().err
    assert checkpoints.steps() == [1]
    assert not list((tmp_path / "c").glob("2*"))
    np.testing.assert_array_equal(checkpoints.restore().state["w"], noise(1)["w"])
    checkpoints.save(3, noise(3), {}, {})
    checkpoints.close()
    np.testing.assert_array_equal(checkpoints.restore().state["w"], noise(3)["w"])


def test_a_failed_save_is_reported_by_the_next_one(tmp_path, no_room):
    checkpoints = Checkpoints(tmp_path / "c")
    no_room(65536)
    checkpoints.save(1, noise(1), {}, {})
    with pytest.raises(UserError, match="step 1 could not be written"):
        checkpoints.save(2, {"w": np.zeros(3)}, {}, {})
    checkpoints.close()


def test_a_folder_inside_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match=r"could not be written .*: Not a directory"):
        Checkpoints(tmp_path / "run" / "c").save(1, {"w": np.zeros(3)}, {}, {})


SAVES_MANY_ARRAYS = """
import resource, sys
import numpy as np
from vqvae_jax.errors import run_command
from vqvae_jax.training.checkpoints import Checkpoints
def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    with Checkpoints(sys.argv[1]) as checkpoints:
        checkpoints.save(1, {str(n): np.random.default_rng(n).random(20_000) for n in range(80)}, {}, {})
run_command("train", main)
"""


def test_no_room_for_many_arrays_is_one_line_all_the_same(tmp_path):
    """They are written in threads, and each that fails after the first would print a traceback."""
    command = [sys.executable, "-c", SAVES_MANY_ARRAYS, tmp_path / "c"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"train: checkpoint of step 1 could not be written to {tmp_path / 'c'}: File too large"
    ]
