"""Cuts of made videos: found where they are, and nowhere else."""

import numpy as np
import pytest

from vqvae_jax.mvc.codec.cuts import changes, histogram, scene_starts

RNG = np.random.default_rng(0)


def scene(frames, level, speed=1, noise=2, size=(48, 64)):
    """A texture that moves by `speed` pixels a frame."""
    height, width = size
    texture = RNG.normal(level, 25, (height, width + speed * frames, 3))
    views = np.stack([texture[:, speed * t : speed * t + width] for t in range(frames)])
    return np.clip(views + RNG.normal(0, noise, views.shape), 0, 255).astype(np.uint8)


def test_a_histogram_is_the_share_of_pixels_by_hand():
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[0, 0] = 255, 16, 0
    found = histogram(frame)
    assert found.shape == (3, 16) and found[0, 15] == 0.25 and found[0, 0] == 0.75
    assert found[1, 1] == 0.25 and found[2, 0] == 1
    assert changes([np.zeros_like(frame), frame]).tolist() == [0.25]


@pytest.mark.parametrize("lengths", [(20, 30), (20, 25, 22), (60,)])
def test_cuts_between_textures_are_found_to_the_frame(lengths):
    parts = [scene(length, level) for length, level in zip(lengths, (60, 180, 110), strict=False)]
    assert scene_starts(np.concatenate(parts), 16) == [0, *np.cumsum(lengths)[:-1]]


def test_motion_fades_flicker_and_noise_are_no_cuts():
    assert scene_starts(scene(60, 120, speed=8), 8) == [0]
    assert scene_starts(scene(60, 120, noise=30), 8) == [0]
    first, second = scene(60, 60).astype(float), scene(60, 180).astype(float)
    share = np.linspace(0, 1, 60)[:, None, None, None]
    assert scene_starts((first * (1 - share) + second * share).astype(np.uint8), 8) == [0]
    flicker = scene(60, 90)
    flicker[::2] += 100
    assert scene_starts(flicker, 8) == [0]


def test_scenes_that_would_be_too_short_stay_with_a_neighbour():
    video = np.concatenate([scene(30, 60), scene(5, 180), scene(30, 110)])
    found = scene_starts(video, 16)
    assert len(found) == 2 and found[1] in (30, 35)
    assert scene_starts(np.concatenate([scene(4, 60), scene(30, 180)]), 8) == [0]


def test_one_frame_is_a_scene():
    assert scene_starts(scene(1, 90), 8) == [0] == scene_starts(scene(2, 90), 8)
