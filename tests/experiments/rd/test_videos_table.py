"""Figures by video, against means written out."""

import csv
import io

import numpy as np
import pytest

from experiments.rd.tables import clips_by_video, videos_csv


def point(ids, psnr, sizes):
    clips = {"psnr": psnr, "ssim": [0.5] * len(ids), "difference_psnr": None, "perceptual": [1.0] * len(ids)}
    return {"setting": "crf 1", "clip_ids": ids, "quality": {"clips": clips}, "rate": {"bytes": sizes}}


def test_clips_are_gathered_by_video_and_their_figures_averaged():
    ids = ["v_A/0000", "v_B/0000", "v_A/0001", "odd/name/0000"]
    made = point(ids, [20.0, 30.0, 24.0, 28.0], [100, 200, 300, 400])
    rd = {"data": {"clip_shape": [4, 8, 8, 3]}, "codecs": {"x265": {"points": [made]}}}
    rows = list(csv.DictReader(io.StringIO(videos_csv(rd))))
    assert [(row["video"], row["clips"]) for row in rows] == [("v_A", "2"), ("v_B", "1"), ("odd/name", "1")]
    assert float(rows[0]["psnr"]) == np.mean([20, 24]) and rows[0]["difference_psnr"] == ""
    assert float(rows[0]["bpp"]) == pytest.approx(8 * 200 / (4 * 8 * 8), rel=1e-5)
    assert clips_by_video(made) == {"v_A": [0, 2], "v_B": [1], "odd/name": [3]}
