"""The demo as a user runs it, on a folder of small videos."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run_demo(*arguments):
    command = [sys.executable, "-m", "experiments.demo", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def write_videos(folder, count):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        texture = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (160, 120))
        writer = cv2.VideoWriter(str(folder / f"<b>&{index}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 16, (96, 72))
        for frame in range(34):
            writer.write(texture[frame : frame + 72, frame : frame + 96])
        writer.release()


@pytest.mark.slow
def test_a_folder_of_videos_becomes_a_trained_model_and_a_report_whose_path_is_the_last_line(tmp_path):
    write_videos(tmp_path / "mine", 8)
    result = run_demo("--videos", tmp_path / "mine", "--out", tmp_path / "out", "--steps", "2")
    assert result.returncode == 0, result.stderr
    report = Path(result.stdout.splitlines()[-1].removeprefix("report: "))
    page = report.read_text()
    assert "<b>&amp;" not in page and "&lt;b&gt;&amp;" in page  # the files' names
    assert "perceptual distance are left out" in page or "without the perceptual loss" in page
    assert page.count("data:image/webp;base64,") >= 1
    evaluation = json.loads((report.parent / "evaluation.json").read_text())
    assert f"{evaluation['checkpoints'][0]['quality']['mean']['psnr']:.2f} dB" in page
    assert (report.parent / "run" / "checkpoints" / "2").is_dir()
    assert "python -m experiments.train demo" in page


def test_a_folder_that_does_not_exist_is_one_line_and_exit_code_2(tmp_path):
    result = run_demo("--videos", tmp_path / "none", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"demo: --videos {tmp_path / 'none'}: no such folder"
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
