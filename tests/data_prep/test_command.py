"""The program as a user runs it."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--frames", "8", "--size", "16", "--format", "npy"]


def command(videos, out, *options):
    return [sys.executable, "-m", "data_prep", "--videos", str(videos), "--out", str(out), *SMALL, *options]


def run(*args, prefix=()):
    return subprocess.run([*prefix, *command(*args)], cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_a_run_with_skipped_files_succeeds_and_says_so(tree, tmp_path):
    (tree / "odd\nname.avi").write_bytes(b"")
    done = run(tree, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "1 of 17 files skipped:\n  odd\\nname.avi: empty file" in done.stdout
    assert (tmp_path / "out" / "card.json").is_file()
    again = run(tree, tmp_path / "out")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.count("\n") == 1 and "exists already" in again.stderr


def test_help_explains_every_option():
    text = subprocess.run(
        [sys.executable, "-m", "data_prep", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    for option in ("--videos", "--out", "--fps", "--hop", "--resize", "--split", "--test-groups", "--strict"):
        assert option in text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stopped_run_leaves_nothing_that_looks_whole_and_the_next_one_goes_on(tree, tmp_path, number, code):
    out = tmp_path / "sets" / "out"
    out.parent.mkdir()
    # The slow resize keeps the run busy.
    slow = ("--resize", "scipy", "--size", "128")
    process = subprocess.Popen(
        command(tree, out, *slow),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore SIGINT, and so all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 600
    done = out.parent / ".out.work" / "done.jsonl"
    while not (done.exists() and done.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=600)
    assert process.returncode == code
    assert [p.name for p in out.parent.iterdir()] == [".out.work"]
    if number != signal.SIGKILL:
        assert f"what is decoded is kept in {out.parent / '.out.work'}, and the same command goes on" in said
    first = next(p for p in (done.parent / "units").rglob("*") if p.is_file() and p.suffix != ".part")
    before = first.stat().st_mtime_ns
    other = run(tree, out, "--fps", "10", *slow)
    assert (other.returncode, other.stderr.count("\n")) == (2, 1) and "was begun with fps=16" in other.stderr
    assert first.stat().st_mtime_ns == before
    assert run(tree, out, *slow).returncode == 0
    assert [p.name for p in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize(("file_format", "limit"), [("npy", 20_000), ("arrayrecord", 60_000)])
def test_a_disk_that_takes_no_more_is_one_clear_line_and_the_next_run_goes_on(tree, tmp_path, file_format, limit):
    out = tmp_path / "sets" / "out"
    out.parent.mkdir()
    done = subprocess.run(
        command(tree, out, "--format", file_format),
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 2
    told = r"data_prep: .*out cannot be written: .*too large.*; what is done is kept in .*\.out\.work, and .*\n"
    assert re.fullmatch(told, done.stderr), done.stderr
    assert [p.name for p in out.parent.iterdir()] == [".out.work"]
    assert run(tree, out, "--format", file_format).returncode == 0


@pytest.mark.skipif(shutil.which("setpriv") is None and os.geteuid() == 0, reason="root reads every file")
def test_files_and_folders_without_permission_are_skipped(tree, tmp_path):
    (tree / "Biking" / "v_Biking_g02_c01.avi").chmod(0)
    (tree / "locked").mkdir(mode=0)
    (tree / "listed").mkdir()
    shutil.copy(tree / "Biking" / "v_Biking_g01_c01.avi", tree / "listed")
    (tree / "listed").chmod(0o444)
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = run(tree, tmp_path / "out", prefix=prefix)
    assert done.returncode == 0, done.stderr
    assert "3 of 18 files skipped" in done.stdout
    assert "listed/v_Biking_g01_c01.avi: cannot be read: Permission denied" in done.stdout
    assert "v_Biking_g02_c01.avi: cannot be read: Permission denied" in done.stdout
    assert "locked: folder cannot be read: Permission denied" in done.stdout


def test_python_needs_neither_tyro_nor_tfds_nor_array_record_for_npy(tree, tmp_path):
    script = f"""
import sys
for name in ("tyro", "tensorflow_datasets", "array_record", "grain"):
    sys.modules[name] = None
from pathlib import Path
from data_prep.config import PrepConfig
from data_prep.prepare import prepare
if __name__ == "__main__":
    config = PrepConfig(Path({str(tree)!r}), Path({str(tmp_path / "out")!r}), frames=8, size="16", format="npy")
    print(prepare(config)["totals"]["videos"])
"""
    (tmp_path / "script.py").write_text(script)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], env=env, capture_output=True, text=True, timeout=600
    )
    assert done.stdout == "16\n", done.stderr
