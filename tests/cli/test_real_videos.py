"""Real videos through the command line: what is reported is what is in the file, at odd sizes and rates too."""

from pathlib import Path

import numpy as np
import pytest

from vqvae_jax.video.source import open_source

DATA = Path(__file__).parents[2] / "../shared/data"
VIDEOS = [*sorted((DATA / "ucf101").glob("*/*"))[::40][:2], DATA / "sequences/carphone_qcif_120f.mp4"]

pytestmark = pytest.mark.skipif(not all(path.is_file() for path in VIDEOS), reason="no real videos in ../shared")


@pytest.mark.slow
@pytest.mark.parametrize("path", VIDEOS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "options", [(), ("--size", "67x41", "--fps", "7.5", "--mode", "deflate")], ids=["model", "odd"]
)
def test_a_real_video_comes_back_as_it_was_verified(command, tmp_path, path, options):
    out = tmp_path / "out.msv"
    facts = command("encode", path, out, "--verify", "--json", *options).json
    assert facts["bytes"] == out.stat().st_size
    info = command("info", out, "--json").json
    for key in ("bytes", "bpp", "frames", "width", "height", "fps", "mode"):
        assert info[key] == facts[key]
    assert info["kbit_per_s"] == pytest.approx(facts["kbit_per_s"])
    with open_source(path) as source:
        # The size in square pixels; carphone's are 128 : 117.
        aspect = source.info.display_aspect or source.info.width / source.info.height
        assert info["source_width"] == pytest.approx(source.info.height * float(aspect), abs=0.5)
        assert info["source_height"] == source.info.height
        frames = sum(1 for _ in source.frames())
        if not options:
            assert (facts["frames"], facts["fps"]) == (frames, str(source.info.rate))
        else:
            assert facts["frames"] == pytest.approx(frames * 7.5 / float(source.info.rate), abs=1)
    command("decode", out, tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").shape == (facts["frames"], facts["height"], facts["width"], 3)
    if not options:  # at the source's rate, frames are those that were coded but for the size
        assert command("compare", tmp_path / "out.npy", out, "--json").json["psnr"] == 100
