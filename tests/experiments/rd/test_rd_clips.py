import io

import numpy as np
import pytest
from example_rd import CLIPS, PIXELS, example_rd
from example_shown import decoder, example_shown, originals
from PIL import Image

from experiments.rd.clips import board, grid, matched_points, matched_rate, moving, shown_clips
from vqvae_jax.report.pictures import png


def test_every_codec_is_shown_at_the_point_nearest_to_our_rate_as_a_ratio():
    rd = example_rd()
    assert matched_rate(rd, "x265") == 8 * 200 / PIXELS
    sizes = {codec: point["rate"]["bytes"][0] for codec, point in matched_points(rd, 8 * 200 / PIXELS).items()}
    # x264 has 960, 480, 240 and 120 bytes; libaom 320, 160, 80 and 40; 200 / 160 = 1.25 is nearer than 320 / 200.
    assert sizes == {"msvqvae": 200, "x264": 240, "x265": 160, "svtav1": 144, "av1": 160}
    assert next(iter(sizes)) == "msvqvae"
    del rd["codecs"]["msvqvae"]
    assert matched_rate(rd, "x265") == rd["codecs"]["x265"]["points"][2]["rate"]["bpp"]


def test_panes_carry_the_clips_own_psnr_and_bytes_and_a_lost_stream_is_said_once():
    rd = example_rd()
    shown = example_shown(rd)
    assert [clip.clip_id for clip in shown.clips] == CLIPS
    for row, clip in enumerate(shown.clips):
        assert [pane.codec for pane in clip.panes] == [None, "msvqvae", "x264", "x265", "av1"]
        np.testing.assert_array_equal(clip.panes[0].frames, originals([row])[0])
        for pane in clip.panes[1:]:
            point = next(p for p in rd["codecs"][pane.codec]["points"] if p["setting"] == pane.setting)
            assert pane.psnr == point["quality"]["clips"]["psnr"][row] and pane.size == point["rate"]["bytes"][row]
    assert len(shown.missing) == 1 and "SVT-AV1" in shown.missing[0] and "3 more" in shown.missing[0]


def test_frames_that_are_not_those_measured_are_not_shown():
    rd = example_rd()
    decode = decoder(rd)

    def stale(codec, point, clip_id):
        return decode(codec, point, clip_id) + np.uint8(codec == "x265")

    shown = shown_clips(rd, "x265", originals, stale)
    assert all("x265" not in [pane.codec for pane in clip.panes] for clip in shown.clips)
    assert any("x265" in line and "measure again" in line for line in shown.missing)


def test_a_clip_on_which_a_codec_failed_has_no_pane_of_it():
    rd = example_rd()
    for point in rd["codecs"]["av1"]["points"]:
        point["clip_ids"] = CLIPS[1:]
        point["rate"]["bytes"] = point["rate"]["bytes"][1:]
        for name, values in point["quality"]["clips"].items():
            point["quality"]["clips"][name] = values[1:]
    shown = example_shown(rd)
    assert [("av1" in [pane.codec for pane in clip.panes]) for clip in shown.clips] == [False, True, True, True]


@pytest.mark.parametrize("frame", [0, 3])
def test_the_moving_picture_is_lossless_small_and_holds_original_and_ours_enlarged(frame):
    shown = example_shown(example_rd())
    picture = moving(shown.clips, 16)
    assert picture.lossless and len(picture.content) < 2_000_000 and picture.clips == 3
    with Image.open(io.BytesIO(picture.content)) as opened:
        assert opened.n_frames == 4
        opened.seek(frame)
        drawn = np.asarray(opened.convert("RGB"))
    places = board(shown.clips)
    for left, pane in zip(places.lefts[:2], shown.clips[0].panes, strict=False):
        top = places.tops[0]
        np.testing.assert_array_equal(drawn[top : top + 128 : 8, left : left + 128 : 8], pane.frames[frame])


def test_the_grid_has_a_row_per_clip_and_a_column_per_codec_and_is_the_same_every_time():
    shown = example_shown(example_rd())
    picture = grid(shown.clips)
    places = board(shown.clips)
    assert (len(places.tops), len(places.lefts), places.scale) == (4, 5, 8) and picture.shape == places.frames.shape[1:]
    assert png(picture) == png(grid(shown.clips))
    for top, clip in zip(places.tops, shown.clips, strict=True):
        for left, pane in zip(places.lefts, clip.panes, strict=True):
            np.testing.assert_array_equal(picture[top : top + 128 : 8, left : left + 128 : 8], pane.frames[2])
