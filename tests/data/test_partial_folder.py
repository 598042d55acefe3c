import pytest

from vqvae_jax.data.partial_folder import PartialFolder
from vqvae_jax.errors import UserError


def test_the_folder_appears_only_when_whole(tmp_path):
    with PartialFolder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
        assert not (tmp_path / "out").exists()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt, UserError, RuntimeError])
def test_nothing_stays_after_a_problem(tmp_path, problem):
    with pytest.raises(problem), PartialFolder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
        raise problem
    assert not list(tmp_path.iterdir())


def test_folders_above_are_made_and_stay_only_if_something_comes_of_it(tmp_path):
    out = tmp_path / "data" / "sets" / "out"
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match="no use"), PartialFolder(out):
        raise UserError("no use")
    assert not list((tmp_path / "data").iterdir())
    with PartialFolder(out) as folder:
        (folder / "a").write_text("x")
    assert [p.name for p in out.iterdir()] == ["a"]


def test_a_file_above_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"out cannot be made: .*file is not a folder"):
        PartialFolder(tmp_path / "file" / "sub" / "out").__enter__()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_a_clear_line(tmp_path):
    with pytest.raises(UserError, match="out cannot be written: No space left"), PartialFolder(tmp_path / "out"):
        raise OSError(28, "No space left on device")


def test_output_that_exists_or_appears_meanwhile_is_not_touched(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match="exists already"), PartialFolder(out) as folder:
        (folder / "a").write_text("mine")
        out.mkdir()
        (out / "a").write_text("theirs")
    with pytest.raises(UserError, match="exists already"), PartialFolder(out):
        pass
    assert (out / "a").read_text() == "theirs"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_removed_but_a_living_run_is_not(tmp_path):
    left = tmp_path / ".out.part-99999999"
    left.mkdir()
    (left / ".lock").touch()
    (tmp_path / ".out.part-mine").mkdir()  # no lock: not ours
    with PartialFolder(tmp_path / "out") as living:
        assert not left.exists()
        with pytest.raises(UserError, match="being written by another run"), PartialFolder(tmp_path / "out"):
            pass
        assert living.is_dir()
    assert (tmp_path / ".out.part-mine").is_dir()
