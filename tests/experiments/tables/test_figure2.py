"""Figure 2: which pixels stand where."""

import io

import numpy as np
import pytest
from PIL import Image

from experiments.tables import figure as module
from experiments.tables.figure import LIMIT, STRIP, Columns, chosen_clips, mosaic, moving, still
from vqvae_jax.errors import UserError


@pytest.fixture
def columns():
    originals = np.random.default_rng(0).integers(0, 256, (2, 4, 16, 32, 3)).astype(np.uint8)
    columns = Columns(["v_a", "v_b"], originals)
    columns.add("VQ-VAE", 255 - originals, ["20.00 dB", "21.00 dB"])
    columns.add("VQ-VAE-2", None, ["not run yet"] * 2)
    return columns


def test_the_mosaic_has_a_row_per_clip_and_a_column_per_model_pixel_for_pixel(columns):
    frames = mosaic("title", columns)
    scale = 4  # 32 pixels to at least 128
    assert frames.shape == (4, 2 * STRIP + 2 * 16 * scale, 3 * 32 * scale, 3)
    panes = frames[:, 2 * STRIP :: scale, ::scale]
    for row in range(2):
        for column, expected in enumerate((columns.originals[row], 255 - columns.originals[row])):
            pane = panes[:, row * 16 : (row + 1) * 16, column * 32 : (column + 1) * 32]
            np.testing.assert_array_equal(pane, expected)
    assert (panes[:, :, 64:] == module.MISSING).all()


def test_the_moving_picture_moves_and_keeps_under_its_limit(columns):
    data = moving("title", columns, 16)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.n_frames, picture.size) == (4, (384, 2 * STRIP + 128))
    assert len(data) <= LIMIT


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
    assert chosen_clips(527) == [0, 131, 263, 395]
    assert chosen_clips(3) == [0, 1, 2]
