"""FFmpeg's scaling pipe as the peer of data_prep."""

import numpy as np
import pytest

from benchmarks.data_prep import bare_loop, rows_of, scaling_pipe
from benchmarks.report import Spent
from vqvae_jax.errors import UserError
from vqvae_jax.video.write import write_mp4


@pytest.fixture
def videos(tmp_path):
    for number in range(2):
        frames = np.random.default_rng(number).integers(0, 256, (25, 32, 48, 3), np.uint8)
        write_mp4(tmp_path / f"v_Noise_g0{number}_c01.mp4", frames, 25)
    return tmp_path


def test_the_pipe_gives_16_frames_of_64x64_for_each_second_of_every_file(videos):
    pytest.importorskip("imageio_ffmpeg", reason="the peer")
    from experiments.rd.ffmpeg import ffmpeg_path

    assert bare_loop(videos, 1) == 50
    assert scaling_pipe(ffmpeg_path(), videos, 2) == 2 * 16 * 64 * 64 * 3
    (videos / "v_Broken_g03_c01.mp4").write_bytes(b"no video")
    with pytest.raises(UserError, match=r"FFmpeg fails on v_Broken_g03_c01\.mp4"):
        scaling_pipe(ffmpeg_path(), videos, 1)


def test_ratios_are_against_the_peer_with_as_many_processes():
    runs = {
        ("bare loop", 1): [Spent(1.0, 1.0)],
        ("FFmpeg pipe", 2): [Spent(2.0, 3.0)],
        ("npy, 16 fps", 2): [Spent(4.0, 6.0)],
        ("npy, native", 2): [Spent(8.0, 9.0)],
    }
    rows = {row["run"]: row for row in rows_of(runs, frames=100, allowed=2)}
    assert rows["npy, 16 fps"]["of FFmpeg pipe"] == 0.5 and rows["npy, 16 fps"]["of FFmpeg by CPU"] == 0.5
    assert rows["npy, 16 fps"]["of bare per core"] == 0.125 and rows["npy, 16 fps"]["frames/s"] == 25
    assert rows["npy, 16 fps"]["frames/CPU s"] == 17
    assert rows["npy, native"]["of FFmpeg pipe"] is None
    (alone,) = [row for row in rows_of(runs, frames=100, allowed=1) if row["run"] == "npy, 16 fps"]
    assert alone["of bare per core"] == 0.25  # two processes on one core
