"""Running many benchmarks: which, with what options, and what a failure does."""

import importlib.util
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks.catalogue import CATALOGUE, Benchmark, Inputs
from vqvae_jax.errors import UserError


def test_every_entry_is_a_module_and_every_program_is_an_entry():
    folder = Path(program.__file__).parent
    programs = {path.stem for path in folder.glob("*.py") if 'if __name__ == "__main__"' in path.read_text()}
    left = {"__main__", "page", "gpu_checks", "vgg_layer_means"}  # part of gpu; measures the configuration's constants
    assert programs - left == set(CATALOGUE)


def names(gpu, only=()):
    return {benchmark.name for benchmark in program.chosen(only, gpu)[0]}


def test_slow_ones_run_only_when_named_and_those_for_a_gpu_only_where_there_is_one():
    assert names(gpu=True) - names(gpu=False) == {"gpu"} and not {"fuzz", "kill_and_resume"} & names(gpu=True)
    assert names(gpu=False, only=["fuzz"]) == {"fuzz"}
    assert program.chosen([], False)[1]["gpu"] == "needs a GPU, and JAX finds none"
    with pytest.raises(UserError, match="'nonsense'"):
        program.chosen(["nonsense"], False)
    with pytest.raises(UserError, match="nothing can run: gpu: needs a GPU"):
        program.chosen(["gpu"], False)


def test_without_its_only_peer_a_benchmark_is_skipped_with_a_line(monkeypatch):
    lacking = Benchmark("torch_models", peers=("nonesuch_peer",), needs_peers=True)
    monkeypatch.setitem(CATALOGUE, "torch_models", lacking)
    run, skipped = program.chosen([], False)
    assert "torch_models" not in {b.name for b in run} and "metrics" in {b.name for b in run}
    assert skipped["torch_models"].startswith("needs nonesuch_peer: ")
    assert skipped["torch_models"].endswith("-m pip install nonesuch_peer")


def test_one_line_says_which_ratios_are_missing_and_how_to_get_all_of_them():
    lacking = [Benchmark("a", peers=("nonesuch_two", "json")), Benchmark("b", peers=("nonesuch_one", "nonesuch_two"))]
    line = program.without_peers([*lacking, Benchmark("c", peers=("json",))])
    assert line.startswith("a has no nonesuch_two; b has no nonesuch_one, nonesuch_two. ")
    assert line.endswith("-m pip install nonesuch_one nonesuch_two")
    assert program.without_peers([Benchmark("c", peers=("json",))]) is None


def test_a_failure_does_not_stop_the_others_and_ends_with_exit_code_1(tmp_path, monkeypatch, capfd):
    package = tmp_path / "benchmarks"
    package.mkdir()
    body = "import json, sys; out = sys.argv[sys.argv.index('--out') + 1]\n"
    (package / "bad.py").write_text("raise SystemExit(3)")
    (package / "good.py").write_text(
        body + "json.dump({'command': 'c', 'rows': [{'n': len(sys.argv)}]}, open(out, 'w'))"
    )
    monkeypatch.chdir(tmp_path)
    given = {"bad": Benchmark("bad"), "good": Benchmark("good", lambda inputs: ["--data", str(inputs.data)])}
    monkeypatch.setattr(program, "CATALOGUE", given)
    monkeypatch.setattr(program, "has_gpu", lambda: False)
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--data", "d", "--videos", "v", "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 1
    assert "failed: bad (exit code 3)" in capfd.readouterr().err
    assert "## good\n\n| n |\n|---|\n| 5 |" in (out / "README.md").read_text()


def test_options_reach_the_benchmarks():
    inputs = Inputs(Path("clips"), Path("films"))
    assert CATALOGUE["data_prep"].options(inputs)[:2] == ["--videos", "films"]
    assert CATALOGUE["index_bits"].options(inputs)[2:4] == ["--data", "clips"]
    assert importlib.util.find_spec("benchmarks.page")
