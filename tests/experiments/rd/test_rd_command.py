"""`python -m experiments.rd` as its users meet it: exit codes, one line, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.evaluation.example_run import moving_squares, write_data

ROOT = Path(__file__).parents[3]


def command(data, out, *options):
    return [sys.executable, "-m", "experiments.rd", "--data", str(data), "--out", str(out), *options]


def test_an_unknown_codec_ends_with_one_line_and_code_2_and_writes_nothing(tmp_path):
    data = write_data(tmp_path / "data", moving_squares(1, (4, 64, 64)))
    done = subprocess.run(
        command(data, tmp_path / "out", "--codecs", "x264,h265"), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    (line,) = done.stderr.splitlines()
    assert "h265" in line and "x264, x265, svtav1, av1, vvc, msvqvae" in line


def test_the_models_that_were_measured_are_those_of_the_pictures(tmp_path, monkeypatch):
    from experiments.rd import __main__, present, run

    data = write_data(tmp_path / "data", moving_squares(1, (4, 64, 64)))
    monkeypatch.setattr(sys, "argv", command(data, tmp_path / "out", "--bundle", "a", "b")[2:])
    monkeypatch.setattr(run, "measure_codecs", lambda config, say: None)
    given = []
    monkeypatch.setattr(present, "present", lambda command: given.append((command.out, command.bundle)) or [])
    __main__.main()
    assert given == [(tmp_path / "out", (Path("a"), Path("b")))]


def test_ctrl_c_while_drawing_does_not_say_that_nothing_was_written(tmp_path, monkeypatch, capsys):
    from experiments.rd import __main__, present, run

    def interrupted(command):
        raise KeyboardInterrupt

    data = write_data(tmp_path / "data", moving_squares(1, (4, 64, 64)))
    monkeypatch.setattr(sys, "argv", command(data, tmp_path / "out")[2:])
    monkeypatch.setattr(run, "measure_codecs", lambda config, say: None)
    monkeypatch.setattr(present, "present", interrupted)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 130
    said = capsys.readouterr().err
    assert "rd.json is whole" in said and "experiments.rd.present --out" in said


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_in_their_code_and_say_how_much_is_kept(tmp_path, number, code):
    pytest.importorskip("imageio_ffmpeg", reason="FFmpeg with the classical encoders")
    data, out = write_data(tmp_path / "data", moving_squares(200, (4, 64, 64))), tmp_path / "out"
    with subprocess.Popen(
        command(data, out, "--codecs", "x265"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background is deaf to Ctrl-C, and so would be its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 600
        while not list(out.rglob("*.json")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        # The signal may meet a compilation, which ends first; on a busy machine that takes a while.
        _, said = process.communicate(timeout=600)
    assert process.returncode == code, said
    assert "of 800 codings are done and kept" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not list(out.rglob(".*.part-*")) and not (out / "rd.json").exists()
