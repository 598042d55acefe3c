"""Baselines without learning, against NumPy and OpenCV."""

import cv2
import jax
import numpy as np
import pytest

from vqvae_jax.errors import ConfigError
from vqvae_jax.metrics.baselines import block_means, mean_frame


def video(shape=(2, 4, 16, 24, 3)):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_mean_frame_is_the_rounded_mean_over_time():
    clip = video()
    expected = np.round(clip.astype(np.float64).mean(axis=1, keepdims=True))
    assert np.array_equal(jax.jit(mean_frame)(clip), np.broadcast_to(expected, clip.shape))


@pytest.mark.parametrize("block", [(1, 4, 4), (2, 4, 8), (4, 2, 2)])
def test_block_means_equal_numpy_means_upsampled_by_opencv(block):
    clip = video()
    ours = jax.jit(block_means, static_argnums=1)(clip, block)
    t, h, w = block
    for b in range(2):
        for k in range(4):
            frames = clip[b, k // t * t : k // t * t + t].astype(np.float32)
            means = frames.reshape(t, 16 // h, h, 24 // w, w, 3).mean(axis=(0, 2, 4))
            theirs = np.clip(cv2.resize(means, (24, 16), interpolation=cv2.INTER_CUBIC), 0, 255)
            assert np.abs(np.asarray(ours[b, k]).astype(float) - theirs).max() <= 0.5 + 1e-3


def test_flat_video_is_its_own_block_mean():
    clip = np.full((1, 2, 8, 8, 3), 137, np.uint8)
    assert np.array_equal(block_means(clip, (1, 4, 4)), clip)


def test_blocks_that_do_not_divide_the_clip_are_refused():
    with pytest.raises(ConfigError, match="must divide"):
        block_means(video(), (3, 4, 4))
