import io

import av
import numpy as np
import pytest
from example_videos import read_with_pyav, smooth_clip
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from vqvae_jax.errors import UserError
from vqvae_jax.video.write import moving_picture, write_moving_picture, write_mp4


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (1, 1)])
def test_mp4_gives_the_frames_back_nearly_unchanged_at_even_and_odd_sizes(tmp_path, size):
    clip = smooth_clip(6, *size)
    decoded = read_with_pyav(write_mp4(tmp_path / "clip.mp4", clip, fps=16))
    assert decoded.shape == clip.shape
    assert peak_signal_noise_ratio(clip, decoded, data_range=255) > 42


def test_mp4_runs_at_the_asked_rate(tmp_path):
    path = write_mp4(tmp_path / "clip.mp4", smooth_clip(8), fps=29.97)
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(29.97, abs=1e-3)


def test_an_existing_file_stays_as_it_was_and_no_part_file_is_left(tmp_path):
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(UserError, match="exists already"):
        write_mp4(target, smooth_clip())
    assert target.read_bytes() == b"mine"
    with pytest.raises(UserError, match="cannot be written"):
        write_mp4(tmp_path / "missing" / "clip.mp4", smooth_clip())
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    "frames", [np.zeros((4, 8, 8, 3), np.float32), np.zeros((4, 8, 8), np.uint8), np.zeros((0, 8, 8, 3), np.uint8)]
)
def test_other_shapes_and_types_are_refused(tmp_path, frames):
    with pytest.raises(ValueError, match="expected"):
        write_mp4(tmp_path / "clip.mp4", frames)
    with pytest.raises(ValueError, match="expected"):
        moving_picture(frames)


@pytest.mark.parametrize(("file_format", "quality"), [("webp", 100), ("apng", 90)])
def test_lossless_moving_pictures_give_every_frame_back(file_format, quality):
    clip = smooth_clip(5, 33, 47)
    with Image.open(io.BytesIO(moving_picture(clip, 16, file_format, quality))) as picture:
        assert picture.n_frames == 5
        for index, frame in enumerate(clip):
            picture.seek(index)
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), frame)


@pytest.mark.parametrize("file_format", ["webp", "apng", "gif"])
def test_sixteen_frames_at_16_fps_last_one_second_and_repeat_for_ever(file_format):
    with Image.open(io.BytesIO(moving_picture(smooth_clip(16), 16, file_format))) as picture:
        total = 0
        for index in range(picture.n_frames):
            picture.seek(index)
            picture.load()  # WebP tells a frame's duration once it is decoded.
            total += picture.info["duration"]
        assert total == pytest.approx(1000)
        assert picture.info["loop"] == 0


def test_the_ending_chooses_the_picture_format(tmp_path):
    for ending, kind in [(".webp", "WEBP"), (".png", "PNG"), (".gif", "GIF")]:
        with Image.open(write_moving_picture(tmp_path / f"clip{ending}", smooth_clip())) as picture:
            assert picture.format == kind
    with pytest.raises(UserError, match="expected the ending"):
        write_moving_picture(tmp_path / "clip.bmp", smooth_clip())
