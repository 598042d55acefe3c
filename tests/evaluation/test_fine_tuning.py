import copy

import numpy as np
import pytest

from tests.evaluation.test_run_report import FILES, LOG, evaluation
from tests.report.html_reader import checked
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.examples import Example
from vqvae_jax.evaluation.fine_tuning import (
    before_after_charts,
    before_after_table,
    check_before,
    gain,
    gain_in_words,
    gain_tiles,
)
from vqvae_jax.evaluation.run_report import run_report
from vqvae_jax.report.sprites import Pane

CLIPS = {"clip_ids": ["v_A_g01_c01/0000", "v_A_g01_c01/0001"], "bytes": [3604, 3604], "clip_psnr": [24.0, 24.8]}


def measured(name="ntc", kind="bundle", **figures):
    result = copy.deepcopy(evaluation(files=(FILES | CLIPS | figures,), name=name))
    result["run"]["kind"] = kind
    return result


BEFORE = measured(psnr=24.0, ssim=0.7, bpp=0.2, bytes=[3000, 3500])
AFTER = measured("demo", "run", psnr=25.0, ssim=0.69, bpp=0.18, bytes=[2000, 2501])


def curve(share, name="ntc", kind="bundle"):
    """Files at five qualities, 3 dB for twice the bits, of which clip n takes `share[n]` of the usual number."""
    points = []
    for rate in (4000, 1000, 2000, 8000, 16000):
        size = [round(rate * part) for part in share]
        psnr = [10 * np.log10(rate), 10 * np.log10(rate) + 1]
        mean = {"bpp": float(np.mean(size)), "psnr": float(np.mean(psnr)), "ssim": rate / 20000}
        points.append(FILES | CLIPS | mean | {"bytes": size, "clips": 2, "clip_psnr": psnr})
    result = measured(name, kind, **points[0])
    result["checkpoints"][-1]["curve"] = [{"quality": 10.0 * n, "files": files} for n, files in enumerate(points[1:])]
    return result


def test_what_is_gained_at_equal_quality_is_said_in_words_and_figures():
    found = gain(curve((1, 1)), curve((0.9, 0.9), "demo", "run"))
    assert found == (pytest.approx(-10), pytest.approx(10 * np.log10(1 / 0.9)), 2, 2)
    said = gain_in_words(found)
    assert "needs 10.0 % fewer bits, or at equal bits it has 0.46 dB more" in said and "fewer for 2 of 2 clips" in said
    assert [tile[1] for tile in gain_tiles(found)] == ["−10.0 %", "+0.46 dB"]


def test_a_loss_is_said_as_plainly():
    found = gain(curve((1, 1)), curve((0.9, 1.5), "demo", "run"))
    said = gain_in_words(found)
    assert "needs 20.0 % more bits" in said and "0.79 dB less" in said and "fewer for 1 of 2 clips" in said
    assert [tile[1] for tile in gain_tiles(found)] == ["+20.0 %", "−0.79 dB"]


def test_from_files_of_one_quality_no_gain_is_told():
    found = gain(BEFORE, AFTER)
    assert found == "the anchor has 1 point; 4 are needed"
    assert found in gain_in_words(found) and gain_tiles(found) == []
    assert before_after_charts(BEFORE, AFTER) == () == before_after_charts(curve((1, 1)), AFTER)


def test_both_curves_rise_from_left_to_right_above_the_best_that_needs_no_learning():
    psnr, ssim = before_after_charts(curve((1, 1)), curve((0.5, 0.5), "demo", "run"))
    before, after, without = psnr.series
    np.testing.assert_array_equal(before.x, [1000, 2000, 4000, 8000, 16000])
    np.testing.assert_array_equal(after.x, before.x / 2)
    np.testing.assert_array_equal(before.y, after.y)
    assert without.name.startswith("mean frame") and list(without.y) == [21.0]
    assert list(ssim.series[0].y) == [0.05, 0.1, 0.2, 0.4, 0.8]


def test_both_stand_beside_what_needs_no_learning_and_the_better_figure_is_bold():
    table = before_after_table(BEFORE, AFTER)
    rows = [[str(cell) for cell in row] for row in table.rows]
    assert rows == [
        ["ntc, as shipped", "24.00", "0.7000", "0.2000", "3,250"],
        ["after 7 steps on these videos", "25.00", "0.6900", "0.1800", "2,250"],
        ["mean frame", "21.00", "0.7000", "", ""],
    ]
    assert [[cell.best for cell in row[1:4]] for row in table.rows[:2]] == [[False, True, False], [True, False, True]]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (measured(kind="run"), "no bundle"),
        (evaluation(), "measured no files"),
        (measured(clip_ids=["v_A_g01_c01/0000"]), "other clips"),
    ],
)
def test_what_cannot_be_compared_is_refused(before, said):
    check_before(BEFORE, AFTER)
    with pytest.raises(UserError, match=said):
        check_before(before, AFTER)


def test_a_page_shows_each_clip_before_and_after():
    clip = np.zeros((2, 8, 8, 3), np.uint8)
    shown = Pane("before", clip + 1, ("30 dB",)), Pane("after", clip + 2)
    page = checked(run_report(AFTER, LOG, [Example("a", clip, shown)], before=BEFORE))
    assert page.labels("sprite") == ["a: original", "a: before, 30 dB", "a: after", "a: error × 4"]
    assert any("ntc, as shipped" in text for text in page.text)
    assert not any("as shipped" in text for text in checked(run_report(AFTER, LOG)).text)


def test_a_page_that_plays_a_file_is_linked():
    page = run_report(AFTER, LOG, player='a b/player".html')
    assert 'href="a%20b/player%22.html"' in page and "href" not in run_report(AFTER, LOG)
