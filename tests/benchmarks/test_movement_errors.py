"""Errors by a pixel's change: against a loop over pixels, and the closed form of what repeats a frame."""

import numpy as np
import pytest

from benchmarks.movement_errors import CLASSES, by_movement, rows_of


def clip_and_decoded():
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    clip[2] = clip[1]  # nothing changes
    clip[3] = np.clip(clip[2].astype(int) + rng.integers(-9, 10, (6, 5, 3)), 0, 255)
    return clip, rng.integers(0, 256, clip.shape, dtype=np.uint8)


def test_sums_equal_those_of_a_loop_over_pixels():
    clip, decoded = clip_and_decoded()
    expected = np.zeros((len(CLASSES), 4))
    for t, y, x in np.ndindex(3, 6, 5):
        now, before = clip[t + 1, y, x].astype(float), clip[t, y, x].astype(float)
        error = decoded[t + 1, y, x] - now
        earlier = decoded[t, y, x] - before
        kind = max(place for place, low in enumerate(CLASSES) if np.abs(now - before).mean() >= low)
        squares = [np.mean(v**2) for v in (error, error - earlier, now - before)]
        expected[kind] += [1, *squares]
    np.testing.assert_allclose(by_movement(clip, decoded), expected, rtol=1e-12)
    assert expected[0, 0] >= 30  # the frame in which nothing changes


def test_repeating_the_first_frame_has_the_error_of_repeating():
    clip, _ = clip_and_decoded()
    still = np.repeat(clip[:1], len(clip), axis=0)
    everything, *classes = rows_of("still", np.stack([clip, clip]), lambda clip: (90, still))
    assert everything["bpp"] == pytest.approx(2 * 90 * 8 / (2 * 4 * 6 * 5))
    assert everything["difference mse"] == pytest.approx(np.mean(np.diff(clip.astype(float), axis=0) ** 2))
    assert [row["difference mse"] for row in classes] == pytest.approx([row["repeated"] for row in classes])
    assert sum(row["share of pixels"] for row in classes) == pytest.approx(1)
    assert sum(row["share of difference error"] for row in classes) == pytest.approx(1)
    assert [row["change"] for row in classes][::5] == ["0 to 2", "32 or more"]
