"""The metrics benchmark for real, small; and its check of the numbers, which must be able to fail."""

import numpy as np
import pytest

from benchmarks import metrics


@pytest.fixture
def pair():
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 20, 3), np.uint8)
    return clips, metrics.noisy(clips)


def test_a_row_for_all_figures_and_each_with_its_ratio(pair):
    rows = metrics.compare(*pair, repeats=2)
    assert [row["figure"] for row in rows] == ["all", "psnr", "ssim", "difference_psnr"]
    for row in rows:
        assert row["ratio"] == pytest.approx(row["peer ms/clip"] / row["ours ms/clip"])
        assert 0 <= row["largest difference"] < 1e-3 and row["compile s"] > 0


@pytest.mark.parametrize("figure", list(metrics.TOLERANCES))
def test_a_wrong_figure_stops_the_benchmark(pair, monkeypatch, figure):
    right = metrics.by_ours

    def wrong(reference, estimate, names):
        found = dict(right(reference, estimate, names))
        return found | {figure: found[figure] + 2 * metrics.TOLERANCES[figure]}

    monkeypatch.setattr(metrics, "by_ours", wrong)
    with pytest.raises(AssertionError, match=f"^{figure} differs from scikit-image"):
        metrics.compare(*pair, repeats=1)


def test_a_figure_that_is_no_number_stops_the_benchmark():
    with pytest.raises(AssertionError, match="psnr"):
        metrics.largest_differences({"psnr": np.array([np.nan])}, {"psnr": np.array([30.0])})
