import numpy as np
import pytest
from PIL import Image

from vqvae_jax.errors import UserError
from vqvae_jax.report.pictures import (
    CELL,
    MOST_CUT,
    Board,
    Pane,
    amplified_error,
    comparison_grid,
    draw,
    error_gain,
    shown_frames,
    write_png,
)


def clips(count, frames=3, height=8, width=40):
    return np.random.default_rng(0).integers(0, 256, (count, frames, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("width", "scale"), [(40, 4), (64, 2), (130, 1)])
def test_every_pane_stands_in_its_place_at_every_moment_pixel_for_pixel_enlarged(width, scale):
    given = clips(6, width=width)
    rows = tuple(tuple(Pane(given[3 * row + column], ("note",)) for column in range(3)) for row in range(2))
    drawn = draw(Board(("a", "b", "c"), rows, ("first\nline", "second"), "title", group=2))
    assert drawn.scale == scale and width * scale >= CELL
    for row, top in enumerate(drawn.tops):
        for column, left in enumerate(drawn.lefts):
            pane = drawn.frames[:, top : top + 8 * scale : scale, left : left + width * scale : scale]
            np.testing.assert_array_equal(pane, given[3 * row + column])
    gaps = np.diff(drawn.lefts) - width * scale
    assert gaps[1] > gaps[0] > 0


def ink(picture):
    return bool((picture < 128).any())


def test_title_heads_names_and_notes_are_written_beside_the_panes_and_nothing_without_them():
    given = np.full((2, 1, 8, 40, 3), 255, np.uint8)
    rows = tuple((Pane(clip, ("note",)),) for clip in given)
    drawn = draw(Board(("head",), rows, ("name", "name"), "title"))
    (left,), (top, second), picture = drawn.lefts, drawn.tops, drawn.frames[0]
    assert ink(picture[: top // 2]) and ink(picture[top // 2 : top, left:]) and ink(picture[top:, : left - 6])
    assert ink(picture[top + 32 : second, left:])
    assert not ink(draw(Board(("",), tuple((Pane(clip),) for clip in given))).frames)


def test_a_text_too_long_for_its_column_is_made_smaller_and_cut():
    rows = ((Pane(np.full((1, 8, 40, 3), 255, np.uint8), ("n" * 200,)),) * 2,)
    drawn = draw(Board(("h" * 200, ""), rows))
    assert not ink(drawn.frames[0, :, drawn.lefts[0] + 160 : drawn.lefts[1]])


def test_the_multiplication_sign_and_greek_have_glyphs_of_their_own():
    rows = ((Pane(np.full((1, 8, 40, 3), 255, np.uint8)),),)
    pictures = [draw(Board((text,), rows)).frames for text in ("×", "γ", "\ue000")]
    assert not any(np.array_equal(a, pictures[2]) for a in pictures[:2])


def test_rows_of_a_comparison_alternate_and_columns_are_spread_over_time():
    original, moments = clips(2, frames=7), [0, 2, 4, 6]
    assert shown_frames(7, 4) == moments
    board = Board(
        tuple(f"frame {t}" for t in moments),
        tuple(tuple(Pane(c[t : t + 1]) for t in moments) for a in original for c in (a, 255 - a)),
        ("original", "reconstruction") * 2,
    )
    np.testing.assert_array_equal(comparison_grid(original, 255 - original), draw(board).frames[0])


@pytest.mark.parametrize("gain", [1, 2, 4])
def test_the_error_is_so_many_times_the_difference_and_never_wraps(gain):
    a, b = np.arange(0, 256, 15, dtype=np.uint8), np.full(18, 100, np.uint8)
    assert amplified_error(a, b, gain).tolist() == [min(gain * abs(int(v) - 100), 255) for v in a]


@pytest.mark.parametrize(("largest", "gain"), [(0, 4), (63, 4), (64, 2), (127, 2), (128, 1), (255, 1)])
def test_error_pictures_are_amplified_as_far_as_they_are_not_cut_off(largest, gain):
    original = np.zeros((2, 3, 8, 8, 3), np.uint8)
    assert error_gain(original, original + np.uint8(largest)) == gain
    few = original.copy()
    few.flat[: int(MOST_CUT * few.size)] = largest  # what hardly anybody sees decides nothing
    assert error_gain(original, few) == 4


def test_a_picture_is_whole_or_not_there(tmp_path):
    path = tmp_path / "pictures" / "step.png"
    picture = clips(1)[0, 0]
    write_png(path, picture)
    np.testing.assert_array_equal(Image.open(path), picture)
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="file: cannot be made"):
        write_png(tmp_path / "file" / "step.png", picture)
