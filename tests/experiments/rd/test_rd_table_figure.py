"""The figure of a table: every point of it, from columns alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.rd.table_figure import as_result, draw
from vqvae_jax.errors import UserError

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs" / "rate_distortion.csv"
HEAD = "codec,title,setting,bpp,payload_bpp,psnr,ssim,difference_psnr,perceptual,clips\n"


def test_rows_become_points_of_their_codecs():
    rows = [
        {"codec": "x265", "title": "x265", "setting": "crf 1", "bpp": "0.1", "payload_bpp": "", "psnr": "30"},
        {"codec": "ntc", "title": "NTC ntc", "setting": "q 1", "bpp": "0.2", "payload_bpp": "0.19", "psnr": "31.5"},
        {"codec": "ntc", "title": "NTC ntc", "setting": "q 2", "bpp": "0.3", "payload_bpp": "0.29", "psnr": "32"},
    ]
    others = {"ssim": "", "difference_psnr": "", "perceptual": ""}
    codecs = as_result([row | others for row in rows])["codecs"]
    assert {name: (entry["kind"], len(entry["points"])) for name, entry in codecs.items()} == {
        "x265": ("classical", 1),
        "ntc": ("learned", 2),
    }
    assert codecs["ntc"]["points"][0]["rate"] == {"bpp": 0.2, "payload_bpp": 0.19}
    assert codecs["x265"]["points"][0]["quality"]["mean"]["psnr"] == 30
    assert codecs["x265"]["points"][0]["quality"]["mean"]["perceptual"] is None


def test_the_published_picture_is_drawn_from_the_published_table(tmp_path):
    out = tmp_path / "figure.png"
    command = [sys.executable, "-m", "experiments.rd.table_figure", str(TABLE), str(out)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("content", [HEAD.replace("bpp,", ""), HEAD + "x265,x265,a,none,,1,1,1,1,3\n", ""])
def test_what_is_no_table_is_one_line(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content + ("x265,x265,a,0.1,30,1,1,1,3\n" if content.endswith("clips\n") else ""))
    with pytest.raises(UserError, match="is no table of points") as error:
        draw(path)
    assert "\n" not in str(error.value)
