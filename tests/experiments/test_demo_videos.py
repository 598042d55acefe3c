import re
from collections import defaultdict

import cv2
import numpy as np
import pytest

from experiments import demo_videos
from experiments.demo_videos import View, camera_move, choose_views, load_photograph, make_demo_videos
from vqvae_jax.errors import UserError


def read_all(path):
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return capture.get(cv2.CAP_PROP_FPS), np.stack(frames)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return make_demo_videos(tmp_path_factory.mktemp("demo") / "videos", seed=3)


def test_at_least_24_real_video_files_each_long_enough_for_two_clips_at_16_fps(videos):
    assert len(videos) >= 24
    fps, frames = read_all(videos[0])
    assert fps == 25
    assert frames.shape[1:] == (240, 320, 3)
    assert len(frames) / fps * 16 >= 2 * 32


def test_names_carry_class_and_group_and_every_class_has_groups_for_three_splits(videos):
    groups = defaultdict(set)
    for path in videos:
        move, group, _ = re.fullmatch(r"v_([A-Za-z]+)_g(\d\d)_c(\d\d)\.avi", path.name).groups()
        groups[move].add(group)
    assert all(len(found) >= 3 for found in groups.values())


def test_no_photograph_appears_under_two_groups():
    names = [name for names in demo_videos.PHOTOGRAPHS.values() for name in names]
    assert len(names) == len(set(names))


def test_the_same_seed_gives_the_same_frames_and_another_seed_others():
    photo = load_photograph("chelsea.png")

    def frame(seed):
        return next(camera_move(photo, choose_views("Zoom", np.random.default_rng(seed))))

    np.testing.assert_array_equal(frame(1), frame(1))
    assert np.abs(frame(1).astype(int) - frame(2)).mean() > 1


def test_the_camera_eases_in_and_out():
    # A photograph whose grey value is its column: the centre pixel tells where the camera looks.
    photo = np.repeat(np.tile(np.arange(240, dtype=np.uint8), (180, 1))[..., None], 3, axis=2)
    seen = np.array(
        [frame[120, 160, 0] for frame in camera_move(photo, [View(0.3, 0.5, 0.4, 0), View(0.7, 0.5, 0.4, 0)])]
    )
    quarter = len(seen) // 4
    assert seen[0] == pytest.approx(0.3 * 240, abs=1.5)
    assert seen[-1] == pytest.approx(0.7 * 240, abs=1.5)
    # Smoothstep covers 5/32 of the way in the first quarter and 11/32 in the second.
    assert (seen[quarter] - seen[0]) / (seen[-1] - seen[0]) == pytest.approx(5 / 32, abs=0.03)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        make_demo_videos(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
