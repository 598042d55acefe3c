import csv
import io
import json

import numpy as np
import pytest
from example_rd import CLIPS, PIXELS, RATE_FACTORS, example_rd, with_rate_weights

from experiments.rd.classical import caveats
from experiments.rd.schema import RateDistortion
from experiments.rd.summary import chosen_anchor, summarise
from experiments.rd.tables import headlines, merged_commands, points_csv, points_table, tables
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.result_file import check_schema
from vqvae_jax.report.table import markdown


def test_the_example_is_what_the_schema_says():
    check_schema(json.loads(json.dumps(example_rd())), RateDistortion, "example")


def test_every_point_is_a_row_whose_numbers_are_those_of_the_file():
    rd = example_rd()
    rows = list(csv.DictReader(io.StringIO(points_csv(summarise(rd, "x265")))))
    points = [(codec, point) for codec, entry in rd["codecs"].items() for point in entry["points"]]
    assert len(rows) == len(points) == 17
    for row, (codec, point) in zip(rows, points, strict=True):
        assert (row["codec"], row["setting"]) == (codec, point["setting"])
        assert float(row["bpp"]) == point["rate"]["bpp"]
        for name in ("psnr", "ssim", "difference_psnr", "perceptual"):
            assert float(row[name]) == point["quality"]["mean"][name]
        assert not [name for name in row if "seconds" in name]
        assert row["vmaf"] == row["ms_ssim"] == ""
    assert [row["payload_bpp"] for row in rows[:-1]] == [""] * 16 and float(rows[-1]["payload_bpp"]) == 1.25


def test_bd_rate_is_the_known_factor_between_curves_for_every_measure():
    summary = summarise(example_rd(), "x265")
    assert set(summary["bd"]) == {"psnr", "ssim", "difference_psnr", "perceptual"}
    for by_codec in summary["bd"].values():
        assert set(by_codec) == {"x264", "svtav1", "av1", "msvqvae"}
        for codec in ("x264", "svtav1", "av1"):
            assert by_codec[codec]["bd_rate_percent"] == pytest.approx(100 * (RATE_FACTORS[codec] - 1), abs=1e-6)
        assert by_codec["msvqvae"]["bd_rate_percent"] is None and "1 point" in by_codec["msvqvae"]["reason"]


def test_another_anchor_turns_the_sign_and_an_unknown_one_is_refused():
    summary = summarise(example_rd(), anchor="av1")
    assert summary["bd"]["psnr"]["x265"]["bd_rate_percent"] == pytest.approx(100)


def test_the_anchor_is_x265_where_it_has_points_and_the_first_codec_that_has_otherwise():
    rd = example_rd()
    assert chosen_anchor(rd, None) == "x265" and chosen_anchor(rd, "av1") == "av1"
    rd["codecs"]["x265"]["points"] = rd["codecs"]["x264"]["points"] = []
    assert chosen_anchor(rd, None) == "svtav1"
    with pytest.raises(UserError, match="none of the codecs in the file: x264, x265"):
        chosen_anchor(rd, "h267")


def test_bits_at_our_quality_are_the_curves_and_absent_beyond_their_points():
    rd = example_rd()
    at = {line["measure"]: line for line in summarise(rd, "x265")["at_quality"]}
    assert set(at) == {"psnr", "ssim", "difference_psnr", "perceptual"}
    for line in at.values():
        assert (line["codec"], line["bpp"], line["payload_bpp"]) == ("msvqvae", 8 * 200 / PIXELS, 8 * 160 / PIXELS)
        for codec, factor in RATE_FACTORS.items():
            need = line["codecs"][codec]
            assert need["bpp"] == pytest.approx(1.25 * factor)  # 30 dB by construction
            assert need["ratio"] == pytest.approx(0.8 * factor) and need["payload_ratio"] == pytest.approx(factor)
    rd["codecs"]["msvqvae"]["points"][0]["quality"]["clips"]["psnr"] = [20.0] * 4
    need = next(line for line in summarise(rd, "x265")["at_quality"] if line["measure"] == "psnr")["codecs"]["x265"]
    assert need["bpp"] is None and "below its lowest" in need["reason"] and need["below_bpp"] == 8 * 80 / PIXELS
    assert tables(rd, summarise(rd, "x265"))[0].rows[1][1] == "< 0.6250"


def test_with_four_rate_weights_of_ours_the_first_is_still_compared_and_stands_above_the_tables():
    one, four = example_rd(), with_rate_weights(example_rd())
    summary = summarise(four, "x265")
    assert summary["at_quality"] == summarise(one, "x265")["at_quality"]
    lines = headlines(four, summary)
    assert lines == headlines(one, summarise(one, "x265")) and len(lines) == 2
    assert tables(four, summary)[0].title == "Bits for the quality of MS-VQ-VAE edge"


def test_a_codec_that_failed_on_a_hard_clip_is_compared_on_the_clips_of_both():
    rd = example_rd()
    for point in rd["codecs"]["av1"]["points"]:  # the first clip lost; what is left has a better mean
        point["clip_ids"] = CLIPS[1:]
        point["failures"] = [{"clip_id": CLIPS[0], "reason": "encoder returned 1"}]
        for name, values in point["quality"]["clips"].items():
            point["quality"]["clips"][name] = values[1:]
        point["quality"]["mean"]["psnr"] = float(np.mean(point["quality"]["clips"]["psnr"]))
        point["rate"]["bytes"] = point["rate"]["bytes"][1:]
    summary = summarise(rd, "x265")
    delta = summary["bd"]["psnr"]["av1"]
    assert delta["clips"] == 3 and delta["bd_rate_percent"] == pytest.approx(-50)
    psnr = next(line for line in summary["at_quality"] if line["measure"] == "psnr")
    assert psnr["codecs"]["av1"]["ratio"] == pytest.approx(0.4) and psnr["codecs"]["x265"]["clips"] == 4
    assert any("1 of 4 clips failed" in line and "encoder returned 1" in line for line in summary["missing"])


def test_what_is_missing_is_said_with_its_reason():
    rd = example_rd()
    rd["data"]["clips_in_split"] = 309
    rd["codecs"]["x264"]["reason"] = "crf 51: every clip failed (exit code 1)"
    text = "\n".join(summarise(rd, "x265")["missing"])
    assert "VVC (VVenC): no points: this FFmpeg has no libvvenc." in text
    assert "VMAF: not measured: sides below 176." in text
    assert "4 of 309 clips" in text and "x264: crf 51: every clip failed (exit code 1)." in text
    assert "BD-rate of MS-VQ-VAE edge: none: it has 1 point; 4 are needed." in text


def test_curves_with_little_in_common_have_no_bd_rate_but_their_overlap_and_a_reason():
    rd = example_rd()
    for point in rd["codecs"]["av1"]["points"]:
        point["quality"]["clips"]["psnr"] = [psnr + 6 for psnr in point["quality"]["clips"]["psnr"]]
    summary = summarise(rd, "x265")
    delta = summary["bd"]["psnr"]["av1"]  # 9 dB each, 6 dB apart
    assert delta["bd_rate_percent"] is None and delta["overlap"] == pytest.approx(3 / 15)
    table = next(table for table in tables(rd, summary) if table.title == "BD-rate against x265")
    assert table.rows[-1][:3] == ("AV1 (libaom)", "–", "20%")
    assert any("libaom" in line and "less than 25%" in line for line in summary["missing"])


def test_vmaf_that_an_older_file_has_of_small_frames_is_not_shown_and_this_is_said():
    rd = example_rd()
    for entry in rd["codecs"].values():
        for point in entry["points"]:
            point["vmaf"] = {"mean": 50.0, "clips": [50.0] * 4, "reason": None}
    summary = summarise(rd, "x265")
    assert "vmaf" not in summary["bd"] and "VMAF" not in str(tables(rd, summary))
    assert any(line.startswith("VMAF: not measured: VMAF v0.6.1") and "192" in line for line in summary["missing"])
    rd["data"]["clip_shape"][1:3] = [192, 192]
    assert "vmaf" in summarise(rd, "x265")["bd"]


def test_what_holds_classical_codecs_back_is_said_only_of_codecs_that_are_there():
    rd = example_rd()
    tuning, conversion = caveats(rd)
    assert "-tune psnr needs 5 % fewer bits" in tuning and "38.75 dB" in conversion and "Ours codes RGB" in conversion
    rd["codecs"]["x264"]["points"] = rd["codecs"]["x265"]["points"] = []
    assert caveats(rd) == [conversion]
    rd["codecs"] = {"msvqvae": rd["codecs"]["msvqvae"]}
    assert caveats(rd) == []


def test_equal_factors_in_every_video_leave_intervals_without_width_and_means_of_videos_that_agree():
    rd = example_rd()
    summary = summarise(rd, "x265")
    assert summary["resampling"] == {"resamples": 1000, "seed": 0, "level": 0.95}
    for codec in ("x264", "svtav1", "av1"):
        expected = pytest.approx(100 * (RATE_FACTORS[codec] - 1), abs=1e-6)
        delta = summary["bd"]["psnr"][codec]
        assert delta["interval"] == {"low": expected, "high": expected, "groups": 4, "lost": 0, "reason": None}
        assert set(delta["videos"]["percent"]) == {clip.rpartition("/")[0] for clip in CLIPS}
        values = [
            delta["videos"]["mean_percent"],
            delta["videos"]["median_percent"],
            *delta["videos"]["percent"].values(),
        ]
        assert values == [expected] * 6
    ours = summary["bd"]["psnr"]["msvqvae"]
    assert ours["interval"]["low"] is None and "no BD-rate" in ours["interval"]["reason"]
    assert set(ours["videos"]["percent"].values()) == {None}


def test_a_video_that_takes_twice_the_bits_moves_the_mean_of_videos_and_widens_the_interval():
    rd = example_rd()
    for point in rd["codecs"]["av1"]["points"]:
        point["rate"]["bytes"][0] *= 4  # of half of x265's
    delta = summarise(rd, "x265")["bd"]["psnr"]["av1"]
    assert list(delta["videos"]["percent"].values()) == pytest.approx([100, -50, -50, -50], abs=1e-6)
    assert delta["videos"]["mean_percent"] == pytest.approx(-12.5) and delta["videos"][
        "median_percent"
    ] == pytest.approx(-50)
    assert delta["videos"]["interval"]["low"] == pytest.approx(-50) and delta["videos"]["interval"]["high"] > 20
    table = next(t for t in tables(rd, summarise(rd, "x265")) if t.title.endswith("single videos"))
    row = next(row for row in table.rows if row[:2] == ("AV1 (libaom)", "PSNR"))
    assert row[4] == "−12.5 %" and row[5].startswith("[−50.0, +") and row[6:] == ("−50.0 %", "3 of 4", "0")
    assert "1,000 resamples of 4 groups of videos, seed 0" in table.explanation


def test_tables_show_the_files_numbers_rounded_and_no_empty_table():
    rd = example_rd()
    summary = summarise(rd, "x265")
    found = {table.title: table for table in tables(rd, summary)}
    assert list(found) == [
        "Bits for the quality of MS-VQ-VAE edge",
        "BD-rate against x265",
        "BD-rate against x265: its interval, and single videos",
        "Every point",
    ]
    assert found["Bits for the quality of MS-VQ-VAE edge"].rows[1][:2] == ("x265", "1.2500 (80%)")
    assert found["BD-rate against x265"].rows[-1][:2] == ("AV1 (libaom)", "−50.0 %")
    header, row = found["BD-rate against x265"].header, found["BD-rate against x265"].rows[-1]
    assert header[1:3] == ("at equal PSNR", "overlap") and row[2] == "100%"  # the same PSNRs at half the rates
    assert "its means over all clips" in found["BD-rate against x265"].explanation
    assert not [cell for cell in found["Every point"].header if cell.endswith(", s")]
    last = points_table(summary).rows[-1]
    assert last[:6] == ("MS-VQ-VAE edge", "edge", "1.5625", "1.2500", "30.00", "0.9000")
    assert "x265 1.250 (80%)" in headlines(rd, summary)[0]


def test_a_pipe_or_line_break_in_a_cell_does_not_break_the_markdown_table():
    rd = example_rd()
    rd["codecs"]["x264"]["title"] = "x|264\n"
    text = markdown(points_table(summarise(rd, "x265")))
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_commands_that_differ_in_one_word_are_shown_once():
    assert merged_commands(["x -crf 32 IN OUT", "x -crf 36 IN OUT"]) == "x -crf {32,36} IN OUT"
    assert merged_commands(["x IN", "x IN"]) == "x IN"
    assert merged_commands(["x -crf 1 IN", "x -qp 2 IN"]) == "x -crf 1 IN\nx -qp 2 IN"
    assert merged_commands(["x a", "x a b"]) == "x a\nx a b"
