"""Which runs may stand in a table, and how missing ones come to be."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from cells import BUDGET, NAMED, ROLES, STEPS, command, make_run, never_launched, write_data
from training_runs import ROOT, environment, wait_for

from experiments.runs.training import inspect_run, training_data
from experiments.tables.make import make_tables
from vqvae_jax.errors import UserError
from vqvae_jax.stopping import WORDS
from vqvae_jax.training.resume import note_machine


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data") / "data")


def changed(section, fields):
    experiment = BUDGET.experiment("msvqvae")
    return replace(experiment, **{section: replace(getattr(experiment, section), **fields)})


@pytest.mark.parametrize(
    ("section", "fields", "message"),
    [
        ("loss", {"beta": 2.0}, "loss.beta=1.0, not 2.0;"),
        ("training", {"steps": 7}, "training.steps=6, not 7;"),
        ("training", {"seed": 3}, "training.seed=0, not 3;"),
        ("model", {"top": None}, "model.top.codes=8, not None"),
        (None, None, "name='cell_msvqvae', not 'cell_vqvae2';"),
    ],
)
def test_a_run_of_another_configuration_is_refused_by_field(data, tmp_path, section, fields, message):
    named = changed(section, fields) if section else BUDGET.experiment("vqvae2")
    folder = make_run(tmp_path, data, "msvqvae")
    with pytest.raises(UserError) as error:
        inspect_run(folder, named, training_data(data))
    assert str(error.value).startswith(f"run {folder} is not the experiment {named.name!r}: {message}")


def test_a_changed_run_stops_the_command_before_anything_is_trained(data, tmp_path):
    folder = make_run(tmp_path, data, "msvqvae", experiment=BUDGET.experiment("vqvae2"))
    with pytest.raises(UserError, match=f"run {folder} is not the experiment 'cell_msvqvae': name='cell_vqvae2'"):
        make_tables(command(data, tmp_path, 1, 2), "as typed", never_launched, BUDGET)
    assert not list(tmp_path.glob("table*"))


def test_what_changes_no_result_may_differ(data, tmp_path):
    folder = make_run(tmp_path, data, "msvqvae")
    named = changed("training", {"log_every": 1, "checkpoint_every": 2, "mapping": "pmap"})
    assert inspect_run(folder, named, training_data(data)).complete


def test_a_run_of_other_clips_is_refused(data, tmp_path):
    folder = make_run(tmp_path, data, "msvqvae", digest="abcdefabcdefabcdef")
    with pytest.raises(UserError, match=f"run {folder} was trained on other clips \\(digest abcdefabcdef\\) than"):
        make_tables(command(data, tmp_path, 1, no_train=True), "as typed", never_launched, BUDGET)


def test_missing_weights_are_one_line_before_anything_is_trained(data, tmp_path):
    with pytest.raises(UserError, match="smoke_msvqvae, smoke_vqvae3d, smoke_msvqvae_k512 train with the perceptual"):
        make_tables(command(data, tmp_path / "out", 1, 2, 3), "as typed", never_launched)
    assert not (tmp_path / "out").exists()


def test_damaged_weights_are_refused_before_anything_is_trained(data, tmp_path):
    (tmp_path / "vgg.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"vgg\.npz: not a readable \.npz file"):
        make_tables(command(data, tmp_path / "out", 1, vgg_weights=tmp_path / "vgg.npz"), "", never_launched, BUDGET)
    assert not (tmp_path / "out").exists()


def test_a_missing_split_is_refused_before_anything_is_trained(data, tmp_path):
    card = json.loads((data / "card.json").read_text())
    card["splits"]["test"]["clips"], card["splits"]["test"]["ids"] = 0, []
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"split 'test' of .* is empty"):
        make_tables(command(tmp_path / "data", tmp_path / "out", 1), "as typed", never_launched, BUDGET)
    # ... but it may come from another data set.
    runs = {"test_data": data, "no_train": True}
    make_tables(command(tmp_path / "data", tmp_path / "out", 1, **runs), "as typed", never_launched, BUDGET)
    table = json.loads((tmp_path / "out" / "table1_cell.json").read_text())
    assert table["data"]["folder"] == str(data)
    assert any("another data set" in note for note in table["notes"])


def test_an_interrupted_training_ends_with_its_exit_code_and_the_same_command_goes_on(data, tmp_path):
    launched = []

    def interrupted(module, name, *options):
        launched.append((module, name, options))
        make_run(tmp_path, data, "msvqvae", steps=(3,))
        raise SystemExit(130)

    def finishing(module, name, *options):
        launched.append((module, name, options))
        note_machine(make_run(tmp_path, data, "msvqvae", steps=(STEPS,)))

    wanted = command(data, tmp_path, 1)
    with pytest.raises(SystemExit) as left:
        make_tables(wanted, "as typed", interrupted, BUDGET)
    assert left.value.code == 130
    assert not (tmp_path / "table1_cell.json").exists()
    make_tables(replace(wanted, no_train=True), "as typed", never_launched, BUDGET)
    row = json.loads((tmp_path / "table1_cell.json").read_text())["rows"][0]
    assert row["reason"] == f"not run yet (part done, step 3 of {STEPS})"

    make_tables(wanted, "as typed", finishing, BUDGET)
    folder = tmp_path / "runs" / "cell_msvqvae"
    assert launched == [("experiments.train", "cell_msvqvae", ("--data", data, "--run", folder))] * 2
    row = json.loads((tmp_path / "table1_cell.json").read_text())["rows"][0]
    assert row["ours"] is not None and row["run"]["trained_with"][0].startswith("1 x cpu")
    make_tables(wanted, "as typed", never_launched, BUDGET)


def test_the_plan_tells_part_done_from_complete_and_computes_hours_from_logged_speed(data, tmp_path, capsys):
    folder = make_run(tmp_path, data, "msvqvae", steps=(3,))
    lines = [{"step": 1, "clips_per_second": 9.0}, {"step": 2, "clips_per_second": 0.001}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    make_tables(command(data, tmp_path, 1, plan=True), "as typed", never_launched, BUDGET)
    said = capsys.readouterr().out
    hours = 3 * 4 / 0.001 / 3600  # 3 steps of 4 clips at 0.001 clips/s
    assert f"| cell_msvqvae | part done, step 3 of 6 | 3 | {hours:.2g} | {hours / 8:.2g} |" in said
    assert "an assumption and not measured" in said and "49,767 of 71,240" in said
    make_run(tmp_path, data, "msvqvae")
    make_tables(command(data, tmp_path, 1, plan=True), "as typed", never_launched, BUDGET)
    assert "| cell_msvqvae | complete | 0 | 0 | 0 |" in capsys.readouterr().out
    assert not list(tmp_path.glob("table*"))


def test_the_plan_times_real_steps_of_a_run_not_begun_and_names_the_device(data, tmp_path, capsys, monkeypatch):
    from experiments.tables import plan

    monkeypatch.setattr(plan, "SECONDS", 0.0)
    make_tables(command(data, tmp_path, 1, plan=True), "as typed", never_launched, BUDGET)
    said = capsys.readouterr().out
    assert "| cell_msvqvae | missing | 6 |" in said
    assert "clips/s, 2 steps timed now on 1 x cpu" in said
    assert not list(tmp_path.iterdir())


PROGRAM = f"""
import sys
import experiments.configs
experiments.configs.__path__.append({str(NAMED)!r})
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_reaches_the_training_and_the_last_line_says_how_to_go_on(tmp_path, number, code):
    (tmp_path / "child.py").write_text(
        "import signal, sys, time\nfrom pathlib import Path\n"
        "for n in (2, 15): signal.signal(n, lambda n, _: (Path('got').open('a').write(f'{n} '), sys.exit(128 + n)))\n"
        "Path('ready').touch()\ntime.sleep(100_000)\n"
    )
    program = (
        "import sys, experiments.tables.make as make\nfrom experiments.tables import __main__ as tables\n"
        "make.make_tables = lambda command, line, launch: launch('child')\n"
        "sys.argv = ['tables', '1', '--data', 'd', '--out', 'o']\ntables.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores SIGINT, and the tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(lambda: (tmp_path / "ready").exists(), process)
    process.send_signal(number)
    _, said = process.communicate(timeout=600)
    assert process.returncode == code
    assert said.splitlines()[-1] == f"tables: {WORDS[number]}; the same command goes on where it was"
    assert (tmp_path / "got").read_text() == f"{number:d} "


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["1", "1"], "tables: config: tables='1 1' is not allowed; expected one or more of 1, 2, 3, each once"),
        (["1", "--data", "nowhere"], "tables: data set nowhere does not exist"),
    ],
)
def test_a_misuse_is_one_line_and_exit_code_2(tmp_path, words, message):
    options = [] if "--data" in words else ["--data", "d"]
    line = [sys.executable, "-m", "experiments.tables", *words, *options, "--out", str(tmp_path / "out")]
    done = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(message)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_four_models_are_trained_measured_and_written_as_a_user_does_it(data, tmp_path, compiled_programs):
    def launch(module, *arguments):
        program = PROGRAM + f"import runpy; sys.argv[0] = {module!r}; runpy.run_module({module!r}, run_name='__main__')"
        variables = environment(cache=compiled_programs)
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise AssertionError(done.stderr)

    files = make_tables(command(data, tmp_path, 1, 2, 3), "as typed", launch, BUDGET)
    assert all(file.stat().st_size > 0 for file in files) and len(files) == 11
    for number in (1, 2, 3):
        for row in json.loads((tmp_path / f"table{number}_cell.json").read_text())["rows"]:
            assert row["ours"]["psnr"] > 5 and row["run"]["training_hours"] > 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {f"cell_{role}" for role in ROLES}
