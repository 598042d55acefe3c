"""What the comparison with PyTorch says of the sides' times."""

import pytest

from benchmarks.compared import Compared
from benchmarks.torch_models import JAX, Job, Side, check_losses, row, slowest

US = Side(JAX, "float32")
TWO, ONE = Side("two threads", "float32"), Side("one thread", "float32")
HALF = Side("two threads, bfloat16", "bfloat16")
MODEL = Compared("ntc", 4, 1.0, lambda *_: {}, lambda *_: {})


def line(seconds, first):
    job = Job(MODEL, 4, ["train step"], 1, 1, "wall")
    return row(job, "train step", seconds, US, None, {(side, "train step"): value for side, value in first.items()})


def test_the_fastest_twin_of_our_type_is_the_peer_and_bfloat16_stands_beside():
    found = line({US: 2.0, TWO: 3.0, ONE: 4.0, HALF: 1.0}, {TWO: 30.0, ONE: 40.0, HALF: 10.0})
    assert found["fastest PyTorch"] == "two threads" and found["PyTorch first call s"] == 30.0
    assert found["PyTorch s"] == 3.0 and found["speed-up over PyTorch"] == 1.5
    assert found["PyTorch bfloat16 s"] == found["two threads, bfloat16 s"] == 1.0


def test_a_side_that_is_missing_leaves_the_ratio_open():
    assert line({TWO: 3.0}, {TWO: 30.0})["speed-up over PyTorch"] is None
    alone = line({US: 2.0, HALF: 1.0}, {HALF: 10.0})
    assert alone["PyTorch s"] is None and alone["speed-up over PyTorch"] is None and alone["JAX s"] == 2.0


def test_the_aim_is_the_slowest_row_of_its_kind():
    rows = [{"what": what, "speed-up over PyTorch": ratio} for what, ratio in (("a", 2.0), ("a", None), ("b", 0.5))]
    assert slowest(rows, "a") == 2.0 and slowest(rows, "c") is None


def test_losses_that_are_another_objective_s_are_an_error():
    check_losses({TWO: 1.0005, US: 1.0, HALF: 1.02}, US)
    for side, loss in ((TWO, 1.002), (HALF, 1.04), (TWO, float("nan"))):
        with pytest.raises(RuntimeError, match="do not agree"):
            check_losses({side: loss, US: 1.0}, US)
