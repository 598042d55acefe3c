"""A run's validations beside another codec's curve."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.rd.training_curve import advantage, as_chart
from vqvae_jax.metrics.bd_rate import RateCurve
from vqvae_jax.report.chart import drawn

ROOT = Path(__file__).parents[3]
HEADER = "codec,title,setting,bpp,payload_bpp,psnr,ssim,difference_psnr,perceptual,ms_ssim,vmaf,clips,failures\n"
# A straight line over log rate, so that what lies between its points is known: 30 + 4 log2(rate / 0.1).
RATES = np.array([0.05, 0.1, 0.2, 0.4])
OTHER = RateCurve(RATES, 30 + 4 * np.log2(RATES / 0.1))
LOG = [
    {"step": 20, "loss": 1.0, "bpp": 0.1},
    {"step": 100, "validation/0.0002/bpp": 0.1, "validation/0.0002/psnr": 29.0, "validation/1e-05/bpp": 0.01},
    {
        **{"step": 200, "validation/0.0002/bpp": 0.1 * 2**0.5, "validation/0.0002/psnr": 32.25},
        **{"validation/1e-05/bpp": 0.06, "validation/1e-05/psnr": 30.0},
    },
]


def test_the_gain_is_that_over_the_curve_at_the_runs_own_rate():
    lambdas, steps, gain = advantage(LOG, OTHER)
    assert (lambdas, steps) == (["1e-05", "0.0002"], [100, 200])
    np.testing.assert_allclose(gain[:, 1], [-1.0, 0.25], atol=1e-9)
    assert np.isnan(gain[0, 0])  # a rate at which the other was not measured
    assert gain[1, 0] == pytest.approx(-4 * np.log2(0.06 / 0.1))


def test_a_line_for_each_lambda_and_one_at_nothing():
    assert [s.name for s in drawn(as_chart("", *advantage(LOG, OTHER))).values()] == [
        "lambda 1e-05",
        "lambda 0.0002",
        "equal",
    ]


def _run(tmp_path, log, *options):
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log))
    rows = [f"av1,AV1,crf,{r},,{q},,,,,,9,0\n" for r, q in zip(*OTHER, strict=True)]
    (tmp_path / "rd.csv").write_text(HEADER + "".join(rows))
    line = [sys.executable, "-m", "experiments.rd.training_curve", str(tmp_path), str(tmp_path / "rd.csv"), *options]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def test_the_program_prints_a_table_and_draws(tmp_path):
    done = _run(tmp_path, LOG, "--out", str(tmp_path / "curve.png"))
    assert done.returncode == 0, done.stderr
    assert "| 100 | – | -1.00 |\n| 200 | +2.95 | +0.25 |\n" in done.stdout
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("log", "options", "said"),
    [
        (LOG[:1], (), "its log holds no validation by lambda"),
        (LOG, ("--other", "x265"), "has no codec x265; it has av1"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(tmp_path, log, options, said):
    done = _run(tmp_path, log, *options)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
