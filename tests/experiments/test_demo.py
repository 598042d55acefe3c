"""The demo as a user runs it, on a folder of small videos."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from experiments.demo import QUALITIES, prepare_data
from experiments.runs.program import Programs
from vqvae_jax.evaluation.fine_tuning import gain, gain_in_words
from vqvae_jax.stopping import WORDS

ROOT = Path(__file__).parents[2]


def run_demo(*arguments):
    command = [sys.executable, "-m", "experiments.demo", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def write_videos(folder, count, name="<b>&{}.avi"):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        texture = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (160, 120))
        writer = cv2.VideoWriter(str(folder / name.format(index)), cv2.VideoWriter.fourcc(*"MJPG"), 16, (96, 72))
        for frame in range(34):
            writer.write(texture[frame : frame + 72, frame : frame + 96])
        writer.release()


def demo_page(tmp_path, *options):
    """The report of a demo on a few small videos, and its text."""
    write_videos(tmp_path / "mine", 8)
    result = run_demo("--videos", tmp_path / "mine", "--out", tmp_path / "out", "--steps", "2", *options)
    assert result.returncode == 0, result.stderr
    report = Path(result.stdout.splitlines()[-1].removeprefix("report: "))
    page = report.read_text()
    assert "<b>&amp;" not in page and "&lt;b&gt;&amp;" in page  # the files' names
    assert page.count("data:image/webp;base64,") >= 1
    assert (report.parent / "run" / "checkpoints" / "2").is_dir()
    assert 'href="player.html"' in page and (report.parent / "player.html").stat().st_size > 1_000_000
    return report, page


@pytest.mark.slow
def test_a_folder_of_videos_becomes_a_model_tuned_to_it_and_a_report_whose_path_is_the_last_line(tmp_path):
    report, page = demo_page(tmp_path)
    before, after = (json.loads((report.parent / name).read_text()) for name in ("before.json", "evaluation.json"))
    for evaluation in (before, after):
        assert f"{evaluation['checkpoints'][0]['files']['psnr']:.2f}" in page
        assert len({point["files"]["bpp"] for point in evaluation["checkpoints"][0]["curve"]}) == len(QUALITIES)
    assert gain_in_words(gain(before, after)) in page and "PSNR by rate" in page
    assert before["checkpoints"][0]["digest"] != after["checkpoints"][0]["digest"]
    assert "ntc, as shipped" in page and "after 2 steps on these videos" in page
    assert "python -m experiments.train demo" in page and "--init-from ntc" in page
    size = (report.parent / "coded.msv").stat().st_size
    assert f"{size:,} bytes: coded.msv" in page and (report.parent / "decoded.mp4").stat().st_size > size


@pytest.mark.slow
def test_a_small_model_is_trained_from_nothing_on_request(tmp_path):
    report, page = demo_page(tmp_path, "--from-scratch")
    evaluation = json.loads((report.parent / "evaluation.json").read_text())
    assert f"{evaluation['checkpoints'][0]['quality']['mean']['psnr']:.2f} dB" in page
    assert "python -m experiments.train demo_scratch" in page and "as shipped" not in page
    assert "Trained from nothing" in page and not (report.parent / "before.json").exists()


def test_a_folder_that_does_not_exist_is_one_line_and_exit_code_2(tmp_path):
    result = run_demo("--videos", tmp_path / "none", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"demo: --videos {tmp_path / 'none'}: no such folder"
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("parent_exists", [False, True])
def test_a_folder_without_videos_leaves_nothing(tmp_path, parent_exists):
    (tmp_path / "none").mkdir()
    if parent_exists:
        (tmp_path / "out").mkdir()
    result = run_demo("--videos", tmp_path / "none", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "holds no files" in result.stderr.splitlines()[-1]
    assert [p.name for p in tmp_path.rglob("*")] == (["none", "out"] if parent_exists else ["none"])


def test_where_groups_are_too_few_videos_are_split_one_by_one_and_the_remark_says_so(tmp_path):
    write_videos(tmp_path / "mine", 4, "v_Pan_g01_c{}.avi")
    programs = Programs()
    filled, remarks = prepare_data(programs, tmp_path / "mine", tmp_path / "data")
    assert filled == ["train", "validation", "test"]
    assert remarks == ["Too few groups of videos: split by video instead, so videos of one group may be on both sides."]
    assert len(programs.lines) == 1 and programs.lines[0].endswith("--split video")


def test_where_videos_are_too_few_even_for_that_all_are_for_training(tmp_path):
    write_videos(tmp_path / "mine", 2, "v_Pan_g01_c{}.avi")
    assert prepare_data(Programs(), tmp_path / "mine", tmp_path / "data") == (["train"], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_program_that_runs_once_and_ends_the_demo(tmp_path, number):
    (tmp_path / "child.py").write_text(
        "import signal, sys, time\nfrom pathlib import Path\n"
        "for n in (2, 15): signal.signal(n, lambda n, _: (Path('got').open('a').write(f'{n} '), time.sleep(0.3),"
        " sys.exit(128 + n)))\n"
        "Path('ready').touch()\ntime.sleep(100_000)\n"
    )
    program = "from experiments import demo\ndemo.demo = lambda _: demo.Programs().run('child')\ndemo.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--out", "there"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores SIGINT, and the tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 600
    while not (tmp_path / "ready").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 128 + number
    assert said == f"demo: {WORDS[number]}; nothing was written\n"
    assert (tmp_path / "got").read_text() == f"{number:d} "


def test_a_demo_that_is_stopped_says_what_goes_on_and_that_it_would_begin_anew(tmp_path):
    program = (
        "import signal\nfrom experiments import demo\nfrom vqvae_jax.stopping import Stopped\n"
        "def stopped(command):\n    command.out.mkdir()\n    raise Stopped(signal.SIGINT)\n"
        "demo.demo = stopped\ndemo.main()"
    )
    command = [sys.executable, "-c", program, "--out", "there"]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    kept = "the last command above with a $ goes on with its part, the demo itself begins anew"
    assert (result.returncode, result.stderr) == (130, f"demo: interrupted; there keeps what is done; {kept}\n")
