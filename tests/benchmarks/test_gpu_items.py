"""The list of measurements for a GPU, run where there is none: interrupted, failing, and on small shapes."""

import json
import sys

import pytest

from benchmarks import gpu
from benchmarks.gpu import Item, items, main, run_items
from vqvae_jax.errors import UserError

PLACE = {"device": "a GPU", "jax": "1.0"}
WRITES = "import json, sys; open(sys.argv[-1], 'w').write(json.dumps({'ok': True, 'summary': 'forty-two'}))"


def test_a_failed_item_is_tried_again_and_a_finished_one_is_not(tmp_path):
    out, flag = tmp_path / "new" / "gpu.json", tmp_path / "flag"
    fails_once = f"import pathlib, sys; p = pathlib.Path({str(flag)!r}); assert p.exists(), p.touch(); {WRITES}"
    todo = [Item("good", ["-c", WRITES]), Item("bad", ["-c", fails_once])]
    first = run_items(todo, out, 1, PLACE)
    assert first["good"]["state"] == "done" and first["good"]["summary"] == "forty-two"
    assert first["bad"]["state"] == "failed with exit code 1" and "AssertionError" in first["bad"]["summary"]
    again = run_items(todo, out, 1, PLACE)
    assert again["bad"]["state"] == "done"
    assert again["good"] == first["good"]
    assert json.loads(out.read_text())["items"] == again


def test_what_another_device_other_versions_or_other_options_gave_is_measured_again(tmp_path):
    out, count = tmp_path / "gpu.json", tmp_path / "count"
    body = f"open({str(count)!r}, 'a').write('x'); {WRITES}"
    for arguments, place, runs in (
        ([], PLACE, 1),
        ([], PLACE, 1),
        ([], {**PLACE, "jax": "1.1"}, 2),
        (["--tiny"], {**PLACE, "jax": "1.1"}, 3),
        (["--tiny"], {**PLACE, "device": "another"}, 4),
    ):
        done = run_items([Item("one", ["-c", body, *arguments])], out, 1, place)
        assert done["one"]["place"] == place and len(count.read_text()) == runs


def test_a_check_that_finds_fault_is_kept_as_failed_and_tried_again_and_ends_with_exit_code_1(
    tmp_path, monkeypatch, capsys
):
    out, finds_fault = tmp_path / "gpu.json", WRITES.replace("True", "False") + "; sys.exit(1)"
    monkeypatch.setattr(gpu, "items", lambda tiny: [Item("check", ["-c", finds_fault])])
    monkeypatch.setattr(gpu, "here", lambda: PLACE)
    monkeypatch.setattr(sys, "argv", ["gpu", "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1 and "failed: check" in capsys.readouterr().err
    found = json.loads(out.read_text())["items"]["check"]
    assert found["state"] == "failed with exit code 1" and found["summary"] == "NOT OK: forty-two"
    monkeypatch.setattr(gpu, "items", lambda tiny: [Item("check", ["-c", WRITES])])
    main()
    assert json.loads(out.read_text())["items"]["check"]["state"] == "done"


def test_when_the_minutes_are_over_an_item_is_stopped_and_none_is_started(tmp_path):
    sleeps = Item("slow", ["-c", "import time; time.sleep(60)"])
    done = run_items([sleeps, Item("next", ["-c", WRITES])], tmp_path / "gpu.json", 0.02, PLACE)
    assert done["slow"]["state"] == "out of time" and "next" not in done


def test_another_file_is_not_written_over(tmp_path, monkeypatch):
    out = tmp_path / "notes.json"
    out.write_text("[1, 2]")
    with pytest.raises(UserError, match="not a result of"):
        run_items([], out, 1, PLACE)
    monkeypatch.setattr(sys, "argv", ["gpu", "--only", "bach 8", "--out", str(out)])
    with pytest.raises(UserError, match="no item 'bach 8'"):
        main()
    assert out.read_text() == "[1, 2]"


@pytest.mark.slow
def test_every_item_runs_on_small_shapes(tmp_path):
    pytest.importorskip("torch", reason="throughput is against PyTorch")
    done = run_items(items(tiny=True), tmp_path / "gpu.json", 15, gpu.here())
    assert {name: found["state"] for name, found in done.items()} == {item.name: "done" for item in items(tiny=True)}
    assert all(done[name]["result"]["ok"] for name in ("ten steps", "golden files", "tests"))
    assert "x PyTorch" in done["batch 2"]["summary"]
