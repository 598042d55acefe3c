"""A signal between any two lines leaves nothing half-written; programs end with one line and 128 + signal."""

import os
import signal
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vqvae_jax import stopping
from vqvae_jax.container.header import Header
from vqvae_jax.container.writer import Writer
from vqvae_jax.data.partial_folder import PartialFolder
from vqvae_jax.files import write_atomically
from vqvae_jax.video.sink import open_sink

ROOT = Path(__file__).parents[1]
LIBRARY = str(ROOT / "vqvae_jax")
FRAMES = np.arange(2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 16, 16, 3)


@pytest.fixture
def signalled(monkeypatch):
    """Runs a function with a signal before the so manieth line of the library; says whether it came."""
    monkeypatch.setattr(stopping, "_heard", [])
    monkeypatch.setattr(stopping, "_begun", {})

    def run(function, line):
        seen = 0

        def trace(frame, event, _):
            nonlocal seen
            if not frame.f_code.co_filename.startswith(LIBRARY) or frame.f_code.co_filename == stopping.__file__:
                return None
            if event == "line":
                seen += 1
                if seen == line:
                    stopping._note(signal.SIGTERM, None)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function()
        except stopping.Stopped:
            pass
        finally:
            sys.settrace(before)
        stopping.undo_begun()
        stopping._heard.clear()
        return seen >= line

    return run


def container(folder):
    with Writer(folder / "out", Header(bytes(8), 16, 16, 16, 16, Fraction(16), 1, 16, ("only",), b"", "any")) as writer:
        writer.add_chunk(16, {"only": b"payload"})


def sink(name):
    def write(folder):
        with open_sink(f"{folder}/{name}", 16, 16, Fraction(16), overwrite=True) as out:
            for frame in FRAMES:
                out.write(frame)

    return write


def output_folder(folder):
    with PartialFolder(folder / "out" / "below") as partial:
        (partial / "file").write_text("whole")


WRITERS = {
    "container": container,
    "array": sink("out.npy"),
    "pictures": sink("out/"),
    "video": sink("out.mp4"),
    "folder": output_folder,
    "file": lambda folder: write_atomically(folder / "out", b"whole"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_signal_at_any_line_leaves_the_whole_output_or_nothing(signalled, tmp_path, name):
    write = WRITERS[name]
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole")
    whole = listed(tmp_path / "whole")
    outcomes = set()
    for line in range(1, 2000):
        folder = tmp_path / str(line)
        folder.mkdir()
        if not signalled(lambda folder=folder: write(folder), line):
            break
        outcomes.add(listed(folder))
    assert line > 5 and not stopping._begun
    assert () in outcomes and outcomes <= {(), whole}


def test_a_signal_while_pictures_are_replaced_leaves_the_old_or_the_new(signalled, tmp_path):
    write = sink("out/")
    for line in range(1, 2000):
        folder = tmp_path / str(line)
        (folder / "out").mkdir(parents=True)
        (folder / "out" / "00007.png").write_bytes(b"old")
        if not signalled(lambda folder=folder: write(folder), line):
            break
        assert listed(folder) in {("out", "out/00007.png"), ("out", "out/00000.png", "out/00001.png")}
    assert line > 5


def listed(folder):
    return tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*")))


def test_what_is_undone_is_undone_once_the_latest_first_and_a_failure_stops_nothing(signalled):
    done = []

    def failing():
        done.append("failing")
        raise OSError

    undo = [lambda: done.append("first"), failing, lambda: done.append("whole"), lambda: done.append("last")]
    for each in undo:
        stopping.begin(each)
    stopping.end(undo[2])
    stopping.undo_begun()
    stopping.undo_begun()
    assert done == ["last", "failing", "first"]


def test_signals_wait_while_undisturbed(signalled):
    with pytest.raises(stopping.Stopped) as stopped:
        with stopping.undisturbed():
            with stopping.undisturbed():
                stopping._note(signal.SIGHUP, None)
            went_on = True
        raise AssertionError("the signal was lost")
    assert went_on and stopped.value.signal == signal.SIGHUP


def program(body, tmp_path, **options):
    """A process in which `body` runs stoppable, with `me` for sending signals to itself."""
    text = """
        import os, signal, sys, threading
        from vqvae_jax import stopping
        me = lambda number: os.kill(os.getpid(), number)
        with stopping.stoppable("it", lambda: "kept"):
    """
    text = textwrap.dedent(text) + textwrap.indent(textwrap.dedent(body), "    ")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    heard = dict.fromkeys(stopping.WORDS, signal.SIG_DFL) | options.pop("started_with", {})
    return subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        # A shell's background job ignores SIGINT, and the tests may be one.
        preexec_fn=lambda: [signal.signal(number, handler) for number, handler in heard.items()],
    )


@pytest.mark.parametrize(
    ("number", "word"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "hung up")],
)
def test_a_signal_ends_a_program_with_one_line_and_its_code(tmp_path, number, word):
    done = program(f"stopping.begin(lambda: print('undone'))\nme({number:d})\nwhile True: pass", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "undone\n", f"it: {word}; kept\n")


def test_a_signal_that_was_ignored_from_the_start_goes_on_being_ignored(tmp_path):
    done = program(f"me({signal.SIGHUP:d})\nprint('on')", tmp_path, started_with={signal.SIGHUP: signal.SIG_IGN})
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


def test_a_message_of_the_interruption_says_what_is_kept(tmp_path):
    done = program("raise KeyboardInterrupt('3 of 6 are done')", tmp_path)
    assert (done.returncode, done.stderr) == (130, "it: interrupted; 3 of 6 are done\n")


def test_another_exception_that_a_library_makes_of_a_signal_is_the_signal(tmp_path):
    body = f"""
        try:
            me({signal.SIGTERM:d})
            while True: pass
        except KeyboardInterrupt:
            raise RuntimeError("callback failed")
    """
    done = program(body, tmp_path)
    assert (done.returncode, done.stderr) == (143, "it: terminated; kept\n")


def test_a_signal_that_was_lost_in_a_destructor_is_raised_by_the_next_check(tmp_path):
    body = f"""
        class Lost:
            def __del__(self):
                me({signal.SIGTERM:d})
                while True: pass
        Lost()
        print("went on")
        stopping.check()
        print("not here")
    """
    done = program(body, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (143, "went on\n", "it: terminated; kept\n")


def test_other_exceptions_and_exit_codes_pass(tmp_path):
    assert program("sys.exit(2)", tmp_path).returncode == 2
    failed = program("raise ValueError('ours')", tmp_path)
    assert failed.returncode == 1 and failed.stderr.endswith("ValueError: ours\n")


def test_signals_are_as_before_behind_the_block():
    before = [signal.getsignal(number) for number in stopping.WORDS], sys.unraisablehook
    with stopping.stoppable("it"):
        assert signal.getsignal(signal.SIGTERM) is stopping._note
    assert ([signal.getsignal(number) for number in stopping.WORDS], sys.unraisablehook) == before


def test_a_program_with_nothing_to_save_leaves_at_once_even_out_of_compiled_code(tmp_path):
    program = f"""
        import ctypes
        from pathlib import Path
        from vqvae_jax.lock import FolderLock
        from vqvae_jax.stopping import leave_at_once
        leave_at_once("train")
        with FolderLock(Path({str(tmp_path / "new" / "run")!r}), "run is being trained", "run"):
            print("ready", flush=True)
            ctypes.CDLL(None).pause()  # no instruction of Python's
            ctypes.CDLL(None).sleep(600)  # a signal ends a pause
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n" and (tmp_path / "new" / "run").is_dir()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130 and said == "train: interrupted; there was nothing to save\n"
    assert not (tmp_path / "new").exists()


def test_whoever_listens_to_the_signal_afterwards_is_not_left_out(tmp_path):
    program = """
        import signal, time
        from vqvae_jax.stopping import leave_at_once
        leave_at_once("train")
        heard = []
        signal.signal(signal.SIGINT, lambda *_: heard.append("saved"))
        print("ready", flush=True)
        while not heard:  # a pause would wait for a second signal if this one comes before it
            time.sleep(0.01)
        print(*heard, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=600) == ("saved\n", "") and process.returncode == 0
