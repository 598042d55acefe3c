import numpy as np
import pytest
from vqvae_jax.evaluation.html_report import render

from vqvae_jax.evaluation.run_report import run_report


def mean(psnr, **others):
    return {"psnr": psnr, "ssim": 0.7, "difference_psnr": None, "perceptual": None, "lossless_frames": 0} | others


def quality(psnr):
    return {"mean": mean(psnr), "psnr_by_position": [psnr, psnr + 1], "clips": {"psnr": [psnr]}}


def level(codes, usage, psnr_without):
    return {"codes": codes, "counts": [1] * codes, "usage": usage, "psnr_without": psnr_without}


OF_RUN = {"folder": "runs/mine", "config": {"name": "demo", "data": {"batch_size": 4}}}


def evaluation(levels=("top", "bottom")):
    figures = {"top": level(4, 0.5, 20.0), "bottom": level(12, 1.0, 15.0)}
    return {
        "run": {"name": "demo", "parameters": 1234567, "codebook_entries": 89, **OF_RUN},
        "data": {
            **{"digest": "d1", "split": "test", "fps": 16.0, "clip_shape": [32, 64, 48, 3]},
            **{"clip_ids": ["v_A_g01_c01/0000"], "clips_in_split": 3},
        },
        "perceptual": {"reason": "no <weights>"},
        "h264": {"bpp": 0.5, "settings": "crf 23", "reason": None},
        "baselines": {
            "mean_frame": {"quality": quality(21.0), "reason": None},
            "block_means_4x4": {"quality": None, "reason": "too small"},
        },
        "checkpoints": [
            {
                **{"step": 7, "digest": "c1", "trained_on": "t1", "date": "2026-01-01", "versions": {"jax": "0.10"}},
                **{"quality": quality(24.5), "hardware": {"devices": 1, "device": "cpu"}},
                "rate": {"formula_bpp": 0.3, "deflate_bpp": 0.25, "entropy_bpp": 0.0},
                "levels": {name: figures[name] for name in levels},
            }
        ],
    }


LOG = [{"step": 1, "psnr": 10.0, "reconstruction": 0.1}, {"step": 2, "psnr": None, "validation/psnr": 12.0}]


def test_every_measure_stands_beside_the_baselines_and_unmeasured_ones_are_left_out():
    report = run_report(evaluation(), LOG)
    assert report.methods == ("demo", "mean frame", "block means 4x4")
    rows = {metric.name: metric.values for metric in report.metrics}
    assert rows["PSNR, dB"] == (24.5, 21.0, None)
    assert rows["PSNR without the bottom level, dB"] == (15.0, None, None)
    assert not any("differences" in name for name in rows)


def test_a_perceptual_distance_that_was_not_measured_has_a_row_with_the_reason():
    (row,) = (m for m in run_report(evaluation(), LOG).metrics if "perceptual" in m.name)
    assert row.values == (None, None, None) and row.remark == "not measured: no <weights>"
    assert "not measured: no &lt;weights&gt;" in render(run_report(evaluation(), LOG))


def test_the_positions_of_the_baselines_are_drawn_beside_the_models():
    (chart,) = (c for c in run_report(evaluation(), LOG).charts if "position" in c.title)
    drawn = {curve.name: curve.y.tolist() for curve in chart.curves}
    assert drawn == {
        "demo": [24.5, 25.5],
        "mean frame": [21.0, 22.0],
    }


def test_the_page_says_which_run_was_trained_on_what_and_how_long():
    facts = dict(run_report(evaluation(), LOG, training_clips=4182).facts)
    assert facts["Run"] == "mine"
    assert facts["Trained"] == "7 steps of 4 clips, drawn from 4,182 (digest t1)"


def test_a_single_level_has_no_row_for_its_removal():
    assert not any("without" in m.name for m in run_report(evaluation(levels=("bottom",)), LOG).metrics)


def test_codes_in_use_are_told_for_each_level():
    (tile,) = (t for t in run_report(evaluation(), LOG).tiles if t.label.startswith("Codes in use"))
    assert tile == ("Codes in use: top / bottom", "50.0% / 100.0%", "of 4 / 12, chosen at least once")


def test_rates_of_zero_and_sizes_that_were_not_measured_have_no_row():
    result = evaluation()
    assert [rate.bpp for rate in run_report(result, LOG).rates] == [0.3, 0.25, 0.5]
    result["h264"]["bpp"] = None
    assert [rate.bpp for rate in run_report(result, LOG).rates] == [0.3, 0.25]


def test_curves_take_the_steps_at_which_a_value_was_logged():
    chart = next(c for c in run_report(evaluation(), LOG).charts if c.title == "PSNR, dB")
    training, validation = chart.curves
    np.testing.assert_array_equal(training.x, [1])
    np.testing.assert_array_equal((validation.x, validation.y), ([2], [12.0]))


@pytest.mark.parametrize("log", [[], LOG])
def test_the_page_is_written_with_and_without_a_log(log):
    page = render(run_report(evaluation(), log, notes=("be careful",)))
    assert "24.50 dB" in page and "be careful" in page and "48×64" in page
