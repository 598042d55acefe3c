"""Clips that lie in memory already are a split like any other, and are not copied."""

import itertools

import numpy as np
import pytest

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.memory import ArrayClips, at_hand
from vqvae_jax.data.open import open_stream
from vqvae_jax.errors import UserError


def test_arrays_are_a_split_whose_records_come_with_their_clips():
    frames = np.random.default_rng(0).integers(0, 256, (7, 1, 4, 6, 3), np.uint8)
    clips = ArrayClips(frames, "scene.mp4", "frames")
    assert len(clips) == 7 and clips.clip_shape == (1, 4, 6, 3) and at_hand(clips)
    assert clips.ids([0, 6]) == ["scene.mp4/0", "scene.mp4/6"]
    assert clips.digest == ArrayClips(frames.copy(), "other", "x").digest != ArrayClips(frames[:6], "other", "x").digest
    stream = open_stream(clips, PipelineConfig(source="auto", batch_size=2, frames=1, flip=False))
    batches = list(itertools.islice(stream, 6))
    for epoch in (batches[:3], batches[3:]):
        assert len(set(np.concatenate([batch.records for batch in epoch]))) == 6
    for batch in batches:
        np.testing.assert_array_equal(batch.clips, frames[batch.records])


@pytest.mark.parametrize("wrong", [np.zeros((2, 4, 6, 3), np.uint8), np.zeros((2, 1, 4, 6, 3), np.float32)])
def test_what_is_no_video_is_refused(wrong):
    with pytest.raises(UserError, match="expected uint8 of shape"):
        ArrayClips(wrong, "scene", "frames")
