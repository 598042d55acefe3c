"""Comparisons between the points of an rd.csv."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.rd.crossings import read_curves, tables
from vqvae_jax.errors import UserError

ROOT = Path(__file__).parents[3]
HEADER = "codec,title,setting,bpp,payload_bpp,psnr,ssim,difference_psnr,perceptual,ms_ssim,vmaf,clips,failures\n"


def row(codec, rate, psnr, distance):
    return f"{codec},{codec.upper()},{codec} {rate:g},{rate},,{psnr},,,{distance},,,9,0\n"


@pytest.fixture
def table(tmp_path):
    """Lines over log rate: ours 30 + 2 x, the other 30 + 3 log 4 + 5 x, crossing at 1/4; distances 2 - x and 3 - x."""
    text = HEADER
    for rate in (1.0, 0.5, 0.2, 0.1):
        x = np.log(rate)
        text += row("msvqvae", rate, 30 + 2 * x, 2 - x) + row("x265", rate, 30 + 3 * np.log(4) + 5 * x, 3 - x)
    path = tmp_path / "rd.csv"
    path.write_text(text)
    return path


def test_ranges_rates_and_qualities_are_those_of_the_lines(table):
    found = {t.title: t for t in tables(read_curves(table), (0.3, 2.0))}
    assert found["Where ours is ahead"].rows == (("MSVQVAE", "X265", "[0.1000 to 0.2500", "[0.1000 to 1.0000]"),)
    needed = {(r[0], r[2]): r[-1] for r in found["Bits for the quality of ours"].rows}
    # 30 + 2 log 0.5 = 30 + 3 log 4 + 5 x
    assert needed["msvqvae 0.5", "PSNR"] == f"{np.exp((2 * np.log(0.5) - 3 * np.log(4)) / 5):.4f}"
    assert needed["msvqvae 0.1", "Perceptual distance"] == f"{0.1 * np.e:.4f}"
    assert needed["msvqvae 1", "Perceptual distance"] == "> 1.0000"
    quality, distance = found["PSNR at a rate"].rows, found["Perceptual distance at a rate"].rows
    assert quality[0] == ("MSVQVAE", f"{30 + 2 * np.log(0.3):.2f}", "–")
    assert distance[1] == ("X265", f"{3 - np.log(0.3):.4f}", "–")
    assert "SSIM at a rate" not in found


def test_a_figure_that_a_point_lacks_has_no_row(table):
    table.write_text(table.read_text() + row("ntc", 0.3, 28, "") + row("ntc", 0.2, 27, ""))
    needed = {t.title: t for t in tables(read_curves(table), ())}["Bits for the quality of ours"].rows
    assert [r[2] for r in needed if r[0] == "ntc 0.3"] == ["PSNR"]
    assert not any("nan" in cell for r in needed for cell in r)


def test_the_table_of_the_documents_is_read_by_the_command_of_the_readme():
    line = [sys.executable, "-m", "experiments.rd.crossings", "docs/rate_distortion.csv", "--at", "0.169"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("\n## ") + 1 == 6
    assert "| MS-VQ-VAE edge | x265 | [" in done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "it has no column"),
        (lambda text: text.replace("bpp,", "rate,", 1), "it has no column bpp"),
        (lambda text: text.replace(",0.5,", ",half,", 1), "holds something else than a number"),
        (lambda text: text.replace(",0.5,", ",-0.5,", 1), "a rate that is not above 0"),
        (lambda text: text + "x265\n", "holds something else than a number"),
    ],
)
def test_what_is_no_such_table_is_refused(table, change, message):
    table.write_text(change(table.read_text()))
    with pytest.raises(UserError, match=message):
        read_curves(table)


def test_bytes_that_are_no_text_and_missing_files_are_refused(tmp_path):
    (tmp_path / "rd.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("rd.csv", "none.csv"):
        with pytest.raises(UserError, match="cannot be read as a table"):
            read_curves(tmp_path / name)
