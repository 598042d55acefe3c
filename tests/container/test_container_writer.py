"""A file appears whole under its name or not at all, and nothing else is left behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from example_files import CHUNKS, HEADER, named, write_file

from vqvae_jax.container.chunk import MAX_PART_BYTES, Place, pack_chunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError

PROGRAM = """
import resource, sys
sys.path[:0] = sys.argv[2:4]
from example_files import HEADER, named
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError
"""


def run(program, path, **options):
    """Starts a program that has `HEADER`, `Writer` and, as `sys.argv[1]`, a path."""
    here = Path(__file__).parent
    command = [sys.executable, "-c", PROGRAM + program, str(path), str(here), str(here.parents[1])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def test_an_existing_file_is_kept_unless_asked(tmp_path):
    path = tmp_path / "a.msv"
    path.write_bytes(b"mine")
    with pytest.raises(UserError, match="exists already"):
        Writer(path, HEADER)
    assert path.read_bytes() == b"mine"
    write_file(path, overwrite=True)
    assert [*tmp_path.iterdir()] == [path]
    with Reader(path) as reader:
        assert reader.read_chunk(0) == named(CHUNKS[0])


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_never_replaced(tmp_path, overwrite):
    with pytest.raises(UserError, match="no plain file"):
        Writer(tmp_path, HEADER, overwrite=overwrite)


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be written"), Writer(tmp_path / "none" / "a.msv", HEADER):
        pass


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_nothing(tmp_path, error):
    with pytest.raises(error), Writer(tmp_path / "a.msv", HEADER) as writer:
        writer.add_chunk(8, named(CHUNKS[0]))
        raise error
    assert not list(tmp_path.iterdir())


def test_a_video_without_frames_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="no frames"), Writer(tmp_path / "a.msv", HEADER):
        pass
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_name_do_not_meet(tmp_path):
    path = tmp_path / "a.msv"
    with pytest.raises(UserError, match="exists"), Writer(path, HEADER) as slow:
        slow.add_chunk(8, named(CHUNKS[1]))
        first = write_file(path)
    assert path.read_bytes() == first
    assert [*tmp_path.iterdir()] == [path]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    assert write_file(tmp_path / ("x" * 251 + ".msv"))


def test_a_killed_writer_leaves_no_file_under_the_name(tmp_path):
    path = tmp_path / "a.msv"
    program = """
with Writer(sys.argv[1], HEADER) as writer:
    for _ in range(1000):
        writer.add_chunk(8, named([bytes(100), bytes(400)]))
    print("written", flush=True)
    sys.stdin.read()
"""
    with run(program, path, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a.msv.part-")
    with pytest.raises(UserError, match=r"not an \.msv file"):
        Reader(left)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    program = """
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    with Writer(sys.argv[1], HEADER) as writer:
        for _ in range(35):
            writer.add_chunk(8, named([bytes(100), bytes(500)]))
except UserError as error:
    print(error)
"""
    with run(program, tmp_path / "a.msv") as process:
        assert "cannot be written (File too large)" in process.stdout.read()
    assert process.returncode == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frames", "parts", "message"),
    [
        (0, named(CHUNKS[0]), "0 frames"),
        (9, named(CHUNKS[0]), "9 frames"),
        (8, {"top": b""}, "parts top; the header names top, bottom"),
        (8, {"bottom": b"", "top": b""}, "parts bottom, top; the header names top, bottom"),
    ],
)
def test_a_chunk_of_another_shape_is_refused(tmp_path, frames, parts, message):
    with pytest.raises(ValueError, match=message), Writer(tmp_path / "a.msv", HEADER) as writer:
        writer.add_chunk(frames, parts)


def test_only_the_last_chunk_may_be_short(tmp_path):
    with pytest.raises(ValueError, match="behind the last one"), Writer(tmp_path / "a.msv", HEADER) as writer:
        writer.add_chunk(5, named(CHUNKS[0]))
        writer.add_chunk(8, named(CHUNKS[1]))


def test_a_payload_is_never_longer_than_its_length_can_say():
    class Long(bytes):
        def __len__(self):
            return MAX_PART_BYTES + 1

    with pytest.raises(ValueError, match="268435456 bytes"):
        pack_chunk(Place(0, 0, 1), [Long()])
