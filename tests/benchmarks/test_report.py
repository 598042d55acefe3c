"""Timings, tables and JSON that all benchmarks share."""

import json
import sys

import pytest

from benchmarks import report
from benchmarks.report import aim, alternate, missing, table, timings, versions, write


@pytest.fixture
def takes(monkeypatch):
    """A call that takes so many seconds, of a clock that only such calls move."""
    now = [0.0]
    monkeypatch.setattr(report.time, "perf_counter", lambda: now[0])

    def take(seconds):
        now[0] += seconds

    return take


def test_calls_take_turns_and_the_first_of_each_is_stated_apart(takes):
    order = []

    def call(name, *seconds):
        takes(seconds[order.count(name)])
        order.append(name)

    a, b = (8.0, 1.0, 2.0, 4.0), (1.0, 5.0, 7.0, 6.0)
    found = timings({"a": lambda: call("a", *a), "b": lambda: call("b", *b)}, 3)
    assert order == ["a", "b"] * 4
    assert (found["a"].first_s, found["a"].lowest_s, found["a"].median_s, found["a"].highest_s) == (8, 1, 2, 4)
    assert (found["b"].first_s, found["b"].lowest_s, found["b"].median_s, found["b"].highest_s) == (1, 5, 6, 7)


def test_the_median_hides_one_slow_run(takes):
    seconds = iter([1.0, 1.0, 300.0, 2.0])
    assert alternate({"a": lambda: takes(next(seconds))}, 3) == {"a": 2.0}


@pytest.mark.parametrize(
    ("measured", "bounds", "met"),
    [
        (20.0, {"at_least": 20}, True),
        (19.9, {"at_least": 20}, False),
        (0.8, {"at_most": 0.8}, True),
        (0.81, {"at_most": 0.8}, False),
        (0.1, {"at_least": 0.2, "at_most": 0.3}, False),
        (None, {"at_least": 1}, None),
    ],
)
def test_an_aim_says_whether_it_was_met(measured, bounds, met):
    assert aim("speed", measured, **bounds)["met"] is met


def test_a_table_holds_the_columns_of_all_rows():
    lines = table([{"a": 1, "b": 0.123456}, {"a": None, "c": "x|y", "b": (2, 3)}]).splitlines()
    assert lines[0] == "| a | b | c |"
    assert lines[2] == "| 1 | 0.1235 | – |"
    assert lines[3] == "| – | 2 x 3 | x\\|y |"


def test_a_result_names_peers_threads_aims_and_what_is_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["metrics", "--data", "/somewhere/else/clips", "--clips", "2"])
    write(
        tmp_path / "new" / "metrics.json",
        "metrics",
        [{"ratio": 21.5}],
        peers={"FFmpeg": "n9"},
        threads={"FFmpeg": 1},
        aims=[aim("speed", 21.5, at_least=20)],
        left_out=[None, "torch is not installed"],
        repeats=3,
    )
    result = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert result["rows"] == [{"ratio": 21.5}] and result["repeats"] == 3
    assert result["command"] == "python -m benchmarks.metrics --data clips --clips 2"
    assert result["peers"] == {"FFmpeg": "n9"} and result["threads"]["FFmpeg"] == 1
    assert result["threads"]["cores allowed"] >= 1 and result["machine"]["cores"] >= 1
    assert result["left_out"] == ["torch is not installed"] and result["aims"][0]["met"] is True
    assert result["versions"]["jax"] == versions("jax")["jax"]
    said = capsys.readouterr().out
    assert "left out: torch is not installed" in said and "aim: speed: met" in said


def test_figures_that_are_no_numbers_are_refused_and_the_old_file_stays(tmp_path):
    out = tmp_path / "x.json"
    out.write_text("old")
    with pytest.raises(ValueError, match="JSON compliant"):
        write(out, "x", [{"ratio": float("nan")}])
    assert out.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_peer_that_is_not_installed_is_named_with_what_to_do():
    assert missing("NumPy", "numpy", "pip install numpy") is None
    assert missing("Nonesuch", "nonesuch_peer", "pip install x") == "Nonesuch is not installed (pip install x)"
    assert versions("nonesuch_peer") == {}
