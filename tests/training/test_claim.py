import os

import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.training.claim import claimed


def test_a_new_folder_or_that_of_a_run_is_claimed_and_nothing_stays(tmp_path):
    with claimed(tmp_path / "deep" / "run"):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()  # of a training that was killed while it compiled
    with claimed(tmp_path / "run"):
        (tmp_path / "run" / "config.json").write_text("{}")
    with claimed(tmp_path / "run"):
        pass
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["config.json"]


def test_a_folder_of_other_things_and_a_file_are_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"holds other things \(notes.txt"), claimed(tmp_path / "run"):
        pass
    for path in (tmp_path / "run" / "notes.txt", tmp_path / "run" / "notes.txt" / "run"):
        with pytest.raises(UserError, match=r"notes\.txt is not a folder"), claimed(path):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="run cannot be written: Permission denied"), claimed(tmp_path / "run"):
        pass
