"""The program as a user runs it: on eight devices, without the libraries that GPU machines lack, and misused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from example_run import moving_squares, write_data, write_run

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.job import evaluate
from vqvae_jax.evaluation.result_file import read_result

ROOT = Path(__file__).parents[2]
BLOCKED = ("grain", "tensorflow_datasets", "array_record", "tyro", "av", "cv2")
PROGRAM = """
import sys
from pathlib import Path
for name in {blocked!r}:
    sys.modules[name] = None
from experiments.evaluate import main
from experiments.evaluate import EvaluateCommand
folder = Path({folder!r})
main(EvaluateCommand(run=(folder / "run",), data=folder / "data", out=folder / "eight.json", batch_size=4))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    write_run(folder / "run")
    write_data(folder / "data", moving_squares(5))
    return folder


@pytest.fixture(scope="module")
def on_eight_devices(folder):
    program = PROGRAM.format(blocked=BLOCKED, folder=str(folder))
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, read_result(folder / "eight.json")


@pytest.mark.slow
def test_five_clips_on_eight_devices_give_the_figures_of_one_device(folder, on_eight_devices):
    _, eight = on_eight_devices
    one = evaluate(EvaluateConfig(folder / "run", folder / "data", folder / "one.json"), say=lambda line: None)
    a, b = eight["checkpoints"][0], one["checkpoints"][0]
    assert (a["hardware"]["devices"], a["batch_size"], b["hardware"]["devices"]) == (8, 8, 1)
    assert a["diagnostics"] == b["diagnostics"]
    for name, atol in (("psnr", 1e-3), ("ssim", 1e-4), ("difference_psnr", 1e-3)):
        np.testing.assert_allclose(a["quality"]["clips"][name], b["quality"]["clips"][name], atol=atol)
        for baseline in ("mean_frame", "block_means_4x4"):
            values = [r["baselines"][baseline]["quality"]["clips"][name] for r in (eight, one)]
            np.testing.assert_allclose(*values, atol=atol)


@pytest.mark.slow
def test_npy_data_need_none_of_the_optional_libraries_and_a_missing_encoder_is_said(on_eight_devices):
    output, result = on_eight_devices
    missing = "h264: sizes against H.264 need PyAV and OpenCV; install them with: pip install av"
    assert result["h264"]["reason"] == missing
    assert result["h264"]["bpp"] is None
    assert result["h264"]["reason"] in output
    assert "PSNR" in output and "bpp" in output


@pytest.mark.parametrize("out", ["", "sub/file/y.html"])
def test_a_report_that_cannot_be_written_is_refused_before_the_work(folder, monkeypatch, out):
    from experiments import report
    from vqvae_jax.msvqvae import reconstruct

    evaluation = folder / "for_report.json"
    if not evaluation.exists():
        evaluate(EvaluateConfig(folder / "run", folder / "data", evaluation), say=lambda line: None)
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("mine")
    monkeypatch.setattr(reconstruct, "reconstruct", lambda *_: pytest.fail("worked"))
    options = {"run": folder / "run", "data": folder / "data", "evaluation": evaluation}
    with pytest.raises(UserError, match=r"expected the name of a new file|file is not a folder"):
        report.report(report.ReportCommand(**options, out=folder / out if out else Path()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "r.json"], "evaluate: run nowhere does not exist"),
        (["--out", "r.txt"], "out='r.txt' is not allowed; expected a file name that ends in .json"),
        (["--out", "r.json", "--steps", "last"], "steps='last' is not allowed; expected all, latest, best"),
    ],
)
def test_a_misuse_ends_in_one_line_and_exit_code_2(options, message):
    command = [sys.executable, "-m", "experiments.evaluate", "--run", "nowhere", "--data", "nowhere", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
