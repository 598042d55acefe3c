import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.html_reader import checked
from vqvae_jax.evaluation.charts import code_usage, over_clips, over_log, over_rates, over_steps, plotted
from vqvae_jax.evaluation.examples import Example
from vqvae_jax.evaluation.run_report import quality_table, rate_table, run_report
from vqvae_jax.evaluation.side_files import plot_png
from vqvae_jax.report.chart import Look, drawn
from vqvae_jax.report.sprites import Pane

HOSTILE = "<script>alert(1)</script>\"'&</pre>"


def mean(psnr, **others):
    return {"psnr": psnr, "ssim": 0.7, "difference_psnr": None, "perceptual": None, "lossless_frames": 0} | others


def quality(psnr):
    return {"mean": mean(psnr), "psnr_by_position": [psnr, psnr + 1], "clips": {"psnr": [psnr]}}


def level(codes, usage, psnr_without):
    return {"codes": codes, "counts": [1] * codes, "usage": usage, "psnr_without": psnr_without}


FILES = {"bpp": 0.22, "psnr": 24.4, "ssim": 0.69, "bytes": [3604], "clips": 1}


def evaluation(levels=("top", "bottom"), files=(None,), name="demo"):
    figures = {"top": level(4, 0.5, 20.0), "bottom": level(12, 1.0, 15.0)}
    checkpoint = {
        **{"digest": "c1", "trained_on": "t1", "date": "2026-01-01", "versions": {"jax": "0.10"}},
        **{"quality": quality(24.5), "hardware": {"devices": 1, "device": "cpu"}},
        "estimates": {"formula": 0.3, "deflate": 0.25, "entropy": 0.0},
        "curve": [],
        "diagnostics": {"levels": {name: figures[name] for name in levels}},
        "without": {name: {"psnr": figures[name]["psnr_without"]} for name in levels},
    }
    config = {"name": name, "data": {"batch_size": 4}}
    cost = {"parameters": 1234567, "codebook_entries": 89}
    run = {"folder": f"runs/{name}", "config": config, "name": name, "cost": cost}
    return {
        "run": run,
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
        "checkpoints": [checkpoint | {"step": 7 + place} | {"files": found} for place, found in enumerate(files)],
    }


LOG = [{"step": 1, "psnr": 10.0, "reconstruction": 0.1}, {"step": 2, "psnr": None, "validation/psnr": 12.0}]


def rows_of(table):
    return {row[0].text: [str(cell) for cell in row[1:]] for row in table.rows}


def quality_of(result):
    return quality_table(result, result["checkpoints"][-1])


def rates_of(result):
    return [row[1] for row in rate_table(result, result["checkpoints"][-1]).rows]


def test_every_measure_stands_beside_the_baselines_and_unmeasured_ones_are_left_out():
    table = quality_of(evaluation())
    assert table.header == ("", "demo", "mean frame", "4x4 block means")
    assert rows_of(table)["PSNR, dB"] == ["24.50", "21.00", "–"]
    assert rows_of(table)["PSNR without the bottom level, dB"] == ["15.00", "–", "–"]
    assert not any("differences" in name for name in rows_of(table))


def test_the_best_of_each_row_is_marked_by_its_own_direction():
    result = evaluation()
    result["checkpoints"][0]["quality"]["mean"] = mean(24.3, perceptual=0.5)
    result["baselines"]["mean_frame"]["quality"]["mean"] = mean(22.1, perceptual=0.25)
    best = {row[0].text: [cell.text for cell in row[1:] if cell.best] for row in quality_of(result).rows}
    assert best["PSNR, dB"] == ["24.30"] and best["perceptual distance (VGG-16)"] == ["0.2500"]
    assert best["PSNR without the top level, dB"] == []


def test_a_perceptual_distance_that_was_not_measured_has_a_row_with_the_reason():
    (row,) = (row for row in quality_of(evaluation()).rows if "perceptual" in row[0].text)
    assert [cell.text for cell in row[1:]] == ["–"] * 3 and row[0].remark == "not measured: no <weights>"
    assert "not measured: no &lt;weights&gt;" in run_report(evaluation(), LOG)


def test_the_positions_of_the_baselines_are_drawn_beside_the_models():
    positions = plotted(evaluation())[0]
    assert {s.name: s.y.tolist() for s in positions.series} == {
        "demo, step 7": [24.5, 25.5],
        "mean frame": [21.0, 22.0],
    }


def test_clips_are_counted_in_whole_numbers_each_once():
    figures = {"clips": {"psnr": [20.0, 21.5, 21.6]}, "mean": {"psnr": 21.0}}
    chart = over_clips({"model": (figures, Look("#000000", "#ffffff"))})
    assert chart.whole_y and chart.series[0].y.sum() == 3


def test_the_page_says_which_run_was_trained_on_what_and_how_long():
    page = run_report(evaluation(), LOG, training_clips=4182)
    assert "<dt>Run</dt><dd>demo</dd>" in page
    assert "<dd>7 steps of 4 clips, drawn from 4,182 (digest t1)</dd>" in page


def test_a_single_level_has_no_row_for_its_removal():
    assert not any("without" in name for name in rows_of(quality_of(evaluation(levels=("bottom",)))))


def test_codes_in_use_are_told_for_each_level():
    page = run_report(evaluation(), LOG)
    told = "<span>Codes in use: top / bottom</span><b>50.0% / 100.0%</b><span>of 4 / 12, chosen at least once</span>"
    assert told in page and "4 of 4 codes in use (100.0%), perplexity 4<" in page


def test_rates_of_zero_and_sizes_that_were_not_measured_have_no_row():
    result = evaluation()
    assert rates_of(result) == ["0.300", "0.250", "0.500"]
    result["h264"]["bpp"] = None
    assert rates_of(result) == ["0.300", "0.250"]


def test_figures_of_files_have_a_row_a_headline_and_a_curve_where_they_were_measured_and_nothing_elsewhere():
    measured, without = evaluation(files=(None, FILES)), evaluation(files=(None, None))
    assert rates_of(measured)[0] == "0.220" and len(rates_of(measured)) == len(rates_of(without)) + 1
    page = run_report(measured, LOG)
    assert "<b>0.220 bpp</b><span>whole files; formula 0.300; DEFLATE 0.250; zero-order entropy 0.000</span>" in page
    assert "one for each of 1 clips; decoded from the bytes alone: 24.40 dB, SSIM 0.6900" in page
    psnr, rate = over_steps(measured)
    curves = [{s.name: (s.x.tolist(), s.y.tolist()) for s in drawn(c).values()} for c in (psnr, rate)]
    assert [found["whole files"] for found in curves] == [([8], [24.4]), ([8], [0.22])]
    assert "file" not in run_report(without, LOG) and len(over_steps(without)) == 1
    null = evaluation(files=({}, None))
    null["checkpoints"][1]["files"] = null["checkpoints"][0]["files"] = None
    assert run_report(null, LOG) == run_report(without, LOG) and plot_png(measured) != plot_png(without)


def tile(page, label):
    return re.findall(f"<span>{label}</span><b>([^<]*)</b><span>([^<]*)</span>", page)


def test_headlines_say_of_what_they_are_and_name_what_needs_no_learning():
    result = evaluation(files=(FILES,))
    page = run_report(result, LOG)
    said = "of files; restored without one {}\nwithout learning: mean frame {}"
    assert tile(page, "PSNR") == [("24.40 dB", said.format("24.50 dB", "21.00 dB"))]
    assert tile(page, "SSIM") == [("0.6900", said.format("0.7000", "0.7000"))]
    result["baselines"]["block_means_4x4"] = {"quality": quality(23.48), "reason": None}
    assert "without learning: 4x4 block means 23.48 dB</span>" in run_report(result, LOG)
    result["checkpoints"][0]["files"], result["baselines"] = None, {}
    assert tile(run_report(result, LOG), "PSNR") == [("24.50 dB", "restored clips")]


def test_a_model_below_what_needs_no_learning_is_told_so_by_the_figures_of_its_headlines():
    result = evaluation()
    assert "Below" not in run_report(result, LOG)
    result["baselines"]["block_means_4x4"] = {"quality": quality(25.9), "reason": None}
    below = (
        "<p>Below what needs no learning: PSNR {} dB against 25.90 dB of 4x4 block means{} (no rate is counted).</p>"
    )
    assert below.format("24.50", "") in run_report(result, LOG)
    result["checkpoints"][0]["files"] = FILES
    assert below.format("24.40", "; SSIM 0.6900 against 0.7000 of mean frame") in run_report(result, LOG)


def test_a_rate_has_one_name_in_headline_table_and_curves():
    result = evaluation(files=(FILES, FILES))
    (rate,) = (chart for chart in over_steps(result) if chart.title == "Rate over training")
    names = [row[0].text for row in rate_table(result, result["checkpoints"][-1]).rows if row[0].text != "H.264"]
    page = run_report(result, LOG)
    (headline,) = re.findall(r"bpp</b><span>([^<]*)</span>", page)
    assert names == ["whole files", "formula", "DEFLATE"] and [s.name for s in rate.series][:3] == names
    assert [re.sub(r" [\d.]+$", "", part) for part in headline.split("; ")][:3] == names


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=3000).filter(any))
def test_every_share_drawn_of_a_codebook_is_the_share_of_one_of_its_codes(counts):
    counts = np.array(counts)
    own = np.sort(100 * counts[counts > 0] / counts.sum())[::-1]
    curve, even = code_usage("top", counts).series
    np.testing.assert_allclose(curve.y, own[curve.x.astype(int) - 1])
    assert curve.y[0] == pytest.approx(own[0]) and curve.y[-1] == pytest.approx(own[-1])
    assert curve.x[-1] == len(own) and even.y[0] == pytest.approx(100 / len(counts))
    assert drawn(code_usage("top", counts))[0].y.tolist() == curve.y.tolist()  # nothing is averaged on the way


def test_one_code_in_use_has_all_choices_and_none_is_no_chart_but_a_line():
    counts = np.zeros(1024, int)
    assert drawn(code_usage("top", counts)) == {}
    result = evaluation()
    result["checkpoints"][0]["diagnostics"]["levels"]["top"]["counts"] = counts.tolist()
    assert "0 of 1024 codes in use (0.0%)" in run_report(result, LOG)
    counts[700] = 5
    assert drawn(code_usage("top", counts))[0].y.tolist() == [100.0]


def test_curves_take_the_steps_at_which_a_value_was_logged():
    training, validation = next(c for c in over_log(LOG, ()) if c.title == "PSNR, dB").series
    np.testing.assert_array_equal(training.x, [1])
    np.testing.assert_array_equal((validation.x, validation.y), ([2], [12.0]))


def test_a_model_of_several_rates_has_a_curve_of_them():
    result = evaluation()
    rates = [{"lambda": 1e-3 * (n + 1), "bpp": 0.1 * (n + 1), "psnr": 20.0 + n} for n in range(3)]
    (series,) = over_rates(rates).series
    np.testing.assert_allclose((series.x, series.y), ([0.1, 0.2, 0.3], [20, 21, 22]))
    assert "PSNR by rate" not in run_report(result, LOG)
    result["checkpoints"][0]["diagnostics"] = {"rates": rates}
    assert "PSNR by rate" in run_report(result, LOG)


def test_charts_over_frames_steps_and_codes_count_in_whole_numbers():
    result = evaluation(files=(FILES, FILES))
    charts = [*plotted(result), *over_log(LOG, ("top",)), code_usage("top", np.ones(4))]
    for chart in charts:
        assert chart.whole_x == (chart.x_label.split(" ")[0] in ("step", "frame", "codes")), chart.title


@pytest.mark.parametrize("log", [[], LOG])
def test_the_page_is_written_with_and_without_a_log(log):
    page = run_report(evaluation(), log, notes=("be careful",))
    assert "24.50 dB" in page and "be careful" in page and "48×64" in page


def test_names_from_files_are_text_wherever_they_appear_and_nothing_is_fetched():
    clip = np.zeros((2, 8, 8, 3), np.uint8)
    result = evaluation(files=(FILES, FILES), name=HOSTILE)
    example = Example(HOSTILE, clip, (Pane(HOSTILE, clip, (HOSTILE,)),))
    page = checked(run_report(result, LOG, [example], (HOSTILE,), (HOSTILE,)))
    # Title and heading, column, legend, clip, its pane and remark, note, command; quoted in the configuration, cut in
    # the run.
    assert sum(text.count(HOSTILE) for text in page.text) == 9


def test_examples_are_original_reconstruction_and_error_and_of_one_shape():
    clip = np.zeros((2, 8, 8, 3), np.uint8)
    page = checked(run_report(evaluation(), LOG, [Example("a", clip, (Pane("reconstruction", clip + 1),))]))
    assert page.labels("sprite") == ["a: original", "a: reconstruction", "a: error × 4"]
    assert len(re.findall("base64,", run_report(evaluation(), LOG, [Example("a", clip, (Pane("b", clip),))]))) == 3
    with pytest.raises(ValueError, match="one shape"):
        run_report(evaluation(), LOG, [Example("a", clip, (Pane("b", clip[:1]),))])
