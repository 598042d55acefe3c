import numpy as np
import pytest
from PIL import Image

from vqvae_jax.errors import UserError
from vqvae_jax.training.pictures import comparison_grid, write_png


def test_rows_alternate_original_and_reconstruction_and_columns_are_spread_over_time():
    clips = np.arange(2 * 7, dtype=np.uint8).reshape(2, 7, 1, 1, 1) * np.ones((2, 3, 3), np.uint8)
    grid = comparison_grid(clips, clips + 100)
    assert grid.shape == (4 * 2, 4 * 3, 3) and grid.dtype == np.uint8
    frames = [0, 2, 4, 6]
    for row, first in enumerate((0, 100, 7, 107)):
        assert grid[2 * row, ::3, 0].tolist() == [first + frame for frame in frames]


def test_a_picture_is_whole_or_not_there(tmp_path):
    path = tmp_path / "pictures" / "step.png"
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    write_png(path, picture)
    np.testing.assert_array_equal(Image.open(path), picture)
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="file: cannot be made"):
        write_png(tmp_path / "file" / "step.png", picture)
