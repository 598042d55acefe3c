"""The list of measurements for a GPU, run where there is none: interrupted, failing, and on small shapes."""

import json
import sys

import pytest

from benchmarks.gpu import Item, items, main, run_items
from vqvae_jax.errors import UserError

WRITES = "import json, sys; open(sys.argv[-1], 'w').write(json.dumps({'ok': True, 'summary': 'forty-two'}))"


def test_a_failed_item_is_tried_again_and_a_finished_one_is_not(tmp_path):
    out, flag = tmp_path / "new" / "gpu.json", tmp_path / "flag"
    fails_once = f"import pathlib, sys; p = pathlib.Path({str(flag)!r}); assert p.exists(), p.touch(); {WRITES}"
    todo = [Item("good", ["-c", WRITES]), Item("bad", ["-c", fails_once])]
    first = run_items(todo, out, minutes=1)
    assert first["good"]["state"] == "done" and first["good"]["summary"] == "forty-two"
    assert first["bad"]["state"] == "failed with exit code 1" and "AssertionError" in first["bad"]["summary"]
    again = run_items(todo, out, minutes=1)
    assert again["bad"]["state"] == "done"
    assert again["good"] == first["good"]
    assert json.loads(out.read_text())["items"] == again


def test_when_the_minutes_are_over_an_item_is_stopped_and_none_is_started(tmp_path):
    sleeps = Item("slow", ["-c", "import time; time.sleep(60)"])
    done = run_items([sleeps, Item("next", ["-c", WRITES])], tmp_path / "gpu.json", minutes=0.02)
    assert done["slow"]["state"] == "out of time" and "next" not in done


def test_another_file_is_not_written_over(tmp_path, monkeypatch):
    out = tmp_path / "notes.json"
    out.write_text("[1, 2]")
    with pytest.raises(UserError, match="not a result of"):
        run_items([], out, minutes=1)
    monkeypatch.setattr(sys, "argv", ["gpu", "--only", "bach 8", "--out", str(out)])
    with pytest.raises(UserError, match="no item 'bach 8'"):
        main()
    assert out.read_text() == "[1, 2]"


@pytest.mark.slow
def test_every_item_runs_on_small_shapes(tmp_path):
    pytest.importorskip("torch", reason="throughput is against PyTorch")
    done = run_items(items(tiny=True), tmp_path / "gpu.json", minutes=15)
    assert {name: found["state"] for name, found in done.items()} == {item.name: "done" for item in items(tiny=True)}
    assert all(done[name]["result"]["ok"] for name in ("ten steps", "golden files", "tests"))
    assert "x PyTorch" in done["batch 2"]["summary"]
