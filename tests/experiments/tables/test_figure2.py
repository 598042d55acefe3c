"""Figure 2: which pixels stand where."""

import io

import numpy as np
import pytest
from PIL import Image

from experiments.tables import figure as module
from experiments.tables.figure import CLIPS, LIMIT, Columns, moving, still
from vqvae_jax.data.source import evenly_spread
from vqvae_jax.errors import UserError
from vqvae_jax.report.pictures import draw


@pytest.fixture
def columns():
    originals = np.random.default_rng(0).integers(0, 256, (2, 4, 16, 32, 3)).astype(np.uint8)
    columns = Columns(["v_a", "v_b"], originals)
    columns.add("VQ-VAE", 255 - originals, ["20.00 dB", "21.00 dB"])
    columns.add("VQ-VAE-2", None, ["not run yet"] * 2)
    return columns


def test_the_moving_picture_has_a_row_per_clip_and_a_column_per_model_pixel_for_pixel(columns):
    drawn = draw(columns.board("title"))
    assert len(drawn.frames) == 4 and drawn.scale == 4  # 32 pixels to at least 128
    for row, top in enumerate(drawn.tops):
        expected = (columns.originals[row], 255 - columns.originals[row], np.full((4, 16, 32, 3), module.MISSING))
        for left, clip in zip(drawn.lefts, expected, strict=True):
            np.testing.assert_array_equal(drawn.frames[:, top : top + 64 : 4, left : left + 128 : 4], clip)


def test_the_moving_picture_moves_keeps_under_its_limit_and_says_which_model_was_not_run(columns):
    data = moving("title", columns, 16)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.n_frames == 4
    assert len(data) <= LIMIT
    assert columns.board("title").heads == ("Original", "VQ-VAE", "VQ-VAE-2\n(not run yet)")


def test_a_moving_picture_that_is_too_large_loses_quality_first_and_is_refused_then(columns, monkeypatch):
    best = len(moving("title", columns, 16))
    monkeypatch.setattr(module, "LIMIT", best - 1)
    assert len(moving("title", columns, 16)) < best
    monkeypatch.setattr(module, "LIMIT", 100)
    with pytest.raises(UserError, match="figure 2 would take"):
        moving("title", columns, 16)


def test_the_still_picture_shows_every_column_at_three_moments(columns):
    with Image.open(io.BytesIO(still("title", columns))) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    # Panes that are wholly grey: one of three columns.
    share = (pixels == module.MISSING).all(axis=1).mean()
    assert 0.1 < share < 0.33


def test_clips_are_evenly_spread_over_those_measured():
    assert evenly_spread(527, CLIPS) == [0, 131, 263, 395]
    assert evenly_spread(3, CLIPS) == [0, 1, 2]
