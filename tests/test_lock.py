"""Two processes never hold one lock; what a killed process left holds nobody up."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.lock import FolderLock, Lock, LockedError

HOLDS = """
import sys, time
from pathlib import Path
from vqvae_jax.lock import Lock
with Lock(Path(sys.argv[1]), "it is in use"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path / ".lock"],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def take(folder):
    with Lock(folder / ".lock", "it is in use"):
        return (folder / ".lock").read_text()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path, holder):
    with pytest.raises(LockedError) as refusal:
        take(tmp_path)
    who = f"process {holder.pid} on host {socket.gethostname()}"
    assert str(refusal.value) == f"it is in use: {who} holds {tmp_path / '.lock'}"


def test_it_is_free_again_after_the_holder_has_left_or_was_killed(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".lock").exists()
    assert take(tmp_path) == f"{socket.gethostname()} {os.getpid()}\n"
    assert not (tmp_path / ".lock").exists()


def test_of_another_host_nobody_can_tell_so_it_says_what_to_remove(tmp_path):
    (tmp_path / ".lock").write_text("elsewhere 7\n")
    with pytest.raises(LockedError, match=rf"process 7 on host elsewhere had .*remove {tmp_path / '.lock'}$"):
        take(tmp_path)
    assert (tmp_path / ".lock").read_text() == "elsewhere 7\n"
    (tmp_path / ".lock").unlink()
    take(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\x00 7", b"one two three\n", b"host -1\n"])
def test_a_file_that_no_process_holds_and_names_nobody_is_taken(tmp_path, content):
    (tmp_path / ".lock").write_bytes(content)
    take(tmp_path)


def test_where_the_file_system_has_no_locks_a_living_process_of_this_host_counts(tmp_path, monkeypatch, holder):
    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with pytest.raises(LockedError, match=f"process {holder.pid} on host"):
        take(tmp_path)
    holder.kill()
    holder.wait()
    take(tmp_path)


def test_one_that_was_removed_between_opening_and_locking_is_not_mistaken_for_ours(tmp_path, monkeypatch):
    """The holder removes its file as it leaves; a lock on that file would lock nothing."""
    real, path = fcntl.flock, tmp_path / ".lock"

    def after_the_holder_has_left(file, how):
        real(file, how)
        if not removed:
            removed.append(path.unlink())

    removed = []
    monkeypatch.setattr(fcntl, "flock", after_the_holder_has_left)
    with Lock(path, "it is in use"):
        monkeypatch.setattr(fcntl, "flock", real)
        with pytest.raises(LockedError):
            take(tmp_path)


def test_folders_are_made_for_a_lock_and_go_again_unless_something_is_put_there(tmp_path):
    folder = tmp_path / "deep" / "down"
    with FolderLock(folder, "it is in use", "run"):
        assert [p.name for p in folder.iterdir()] == [".lock"]
        with pytest.raises(LockedError, match="it is in use"), FolderLock(folder, "it is in use", "run"):
            pass
    assert list(tmp_path.iterdir()) == []
    with FolderLock(folder, "it is in use", "run"):
        (folder / "a").touch()
    assert [p.name for p in folder.iterdir()] == ["a"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UserError, match=r"run X cannot be written: No space left on device \(.*down\)"):
        FolderLock(tmp_path / "down", "it is in use", "run X").__enter__()
    assert list(tmp_path.iterdir()) == []
