"""A folder that cannot be written: full, read-only, or not a folder."""

import resource

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
