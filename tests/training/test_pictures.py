import numpy as np
import pytest
from PIL import Image
from vqvae_jax.training.pictures import CELL, MARGIN, STRIP, comparison_grid, frame_grid, write_png

from vqvae_jax.errors import UserError


def test_rows_alternate_original_and_reconstruction_and_columns_are_spread_over_time():
    clips = np.arange(2 * 7, dtype=np.uint8).reshape(2, 7, 1, 1, 1) * np.ones((2, 3, 3), np.uint8)
    grid = frame_grid(clips, clips + 100)
    assert grid.shape == (4 * 2, 4 * 3, 3) and grid.dtype == np.uint8
    frames = [0, 2, 4, 6]
    for row, first in enumerate((0, 100, 7, 107)):
        assert grid[2 * row, ::3, 0].tolist() == [first + frame for frame in frames]


@pytest.mark.parametrize(("width", "scale"), [(40, 4), (64, 2), (130, 1)])
def test_the_labelled_grid_holds_every_pixel_enlarged_between_names_and_numbers(width, scale):
    clips = np.random.default_rng(0).integers(0, 256, (2, 2, 5, 12, width, 3), dtype=np.uint8)
    picture = comparison_grid(*clips, moments=3)
    assert picture.shape == (STRIP + 4 * 12 * scale, MARGIN + 3 * width * scale, 3) and width * scale >= CELL
    np.testing.assert_array_equal(picture[STRIP::scale, MARGIN::scale], frame_grid(*clips, moments=3))
    columns = np.split(picture[:STRIP, MARGIN:], 3, axis=1)
    rows = np.split(picture[STRIP:, :MARGIN], 4, axis=0)
    assert all(label.min() < 128 and label.max() == 255 for label in (*columns, *rows))
    assert (picture[:STRIP, :MARGIN] == 255).all()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1]) and not np.array_equal(columns[0], columns[1])


def test_a_picture_is_whole_or_not_there(tmp_path):
    path = tmp_path / "pictures" / "step.png"
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    write_png(path, picture)
    np.testing.assert_array_equal(Image.open(path), picture)
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="file: cannot be made"):
        write_png(tmp_path / "file" / "step.png", picture)
