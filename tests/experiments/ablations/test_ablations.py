"""The ablation table from made-up runs: what is trained, what is measured, what stands in it."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cells import BUDGET, STEPS, never_launched, write_data, written
from PIL import Image

from experiments.ablations.config import AblationsCommand
from experiments.ablations.make import make_ablations
from experiments.ablations.rows import BASE, ROWS, Row
from experiments.ablations.table import plot
from experiments.configs import ablation
from experiments.train import parse_named
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.training.resume import DATA_FILE

CELL = "cell_msvqvae"
TABLE = [
    Row(BASE, "Seed", "seed 0"),
    Row("seed1", "Seed", "seed 1", ("--training.seed", "1")),
    Row("wide", "Shape", "wider", ("--model.width", "16")),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data") / "data")


def make_run(out, data, row, width=8):
    """A run as if it had been trained: random weights."""
    cell = BUDGET.experiment("msvqvae")
    experiment = replace(cell, model=replace(cell.model, width=width))
    folder = out / "runs" / row
    shutil.copytree(written(experiment, (STEPS,)), folder)
    digest = json.loads((data / "card.json").read_text())["splits"]["train"]["digest"]
    (folder / DATA_FILE).write_text(json.dumps({"folder": str(data), "digest": digest}))
    return folder


def make(command, launch=never_launched):
    return make_ablations(command, "as typed", launch, TABLE, CELL)


@pytest.fixture(scope="module")
def made(data, tmp_path_factory, cell_experiments):
    out = tmp_path_factory.mktemp("out")
    make_run(out, data, BASE)
    make_run(out, data, "wide", width=16)
    files = make(AblationsCommand(data, out, clips=0, no_train=True))
    return out, {file.suffix: file for file in files}


def test_figures_are_those_of_the_evaluations_and_gains_their_differences(made):
    out, files = made
    rows = {row["name"]: row for row in json.loads(files[".json"].read_text())["rows"]}
    psnr = {}
    for name in (BASE, "wide"):
        result = json.loads((out / rows[name]["figures"]["evaluation"]).read_text())
        (entry,) = result["checkpoints"]
        psnr[name] = entry["quality"]["mean"]["psnr"]
        assert rows[name]["figures"]["psnr"] == psnr[name]
        assert rows[name]["figures"]["deflate_bpp"] == entry["estimates"]["deflate"]
        assert rows[name]["figures"]["top_usage"] == entry["diagnostics"]["levels"]["top"]["usage"]
        assert result["data"]["split"] == "validation" and len(result["data"]["clip_ids"]) == 5
    assert psnr[BASE] != psnr["wide"]
    assert rows["wide"]["gain_db"] == pytest.approx(psnr["wide"] - psnr[BASE])
    assert rows["seed1"]["figures"] is None and rows["seed1"]["gain_db"] is None


def test_the_picture_has_a_line_for_each_row_that_is_compared(made):
    _, files = made
    with Image.open(files[".png"]) as picture:
        one = picture.height
    rows = json.loads(files[".json"].read_text())["rows"]
    second = {**rows[2], "name": "other", "label": "another"}
    with Image.open(io.BytesIO(plot([*rows, second]))) as picture:
        assert picture.height > one


def test_the_page_says_what_is_missing_and_how_to_make_each_row(made):
    _, files = made
    page = files[".md"].read_text()
    assert page.count("## ") == 2 and "as typed" in page
    (missing,) = [line for line in page.splitlines() if line.startswith("| seed 1 |")]
    assert "not run yet" in missing and "`--training.seed 1`" in missing
    with files[".csv"].open() as lines:
        listed = {row["name"]: row for row in csv.DictReader(lines)}
    assert listed["seed1"]["psnr"] == "" and float(listed[BASE]["psnr"]) > 0


def test_only_what_is_missing_and_asked_for_is_trained_with_the_rows_options(data, tmp_path):
    make_run(tmp_path, data, BASE)
    launched = []
    command = AblationsCommand(data, tmp_path, no_measure=True)
    make(command, lambda *arguments: launched.append([str(a) for a in arguments]))
    start = ["experiments.train", CELL, "--data", str(data), "--run"]
    assert launched == [
        [*start, str(tmp_path / "runs" / "seed1"), "--training.seed", "1"],
        [*start, str(tmp_path / "runs" / "wide"), "--model.width", "16"],
    ]
    launched.clear()
    make(replace(command, only=()), lambda *arguments: launched.append(arguments[4]))
    assert len(launched) == 2
    assert not list(tmp_path.glob("ablations.*"))


def test_a_run_of_another_row_is_refused_before_anything_is_trained(data, tmp_path):
    make_run(tmp_path, data, "wide")
    with pytest.raises(UserError, match=r"runs/wide is not the experiment 'cell_msvqvae': model.width=8, not 16"):
        make(AblationsCommand(data, tmp_path))


def frames_seen(experiment):
    return experiment.training.steps * experiment.data.batch_size * experiment.data.frames


def test_every_row_is_a_valid_change_of_the_short_experiment_and_differs_from_all_others():
    assert ROWS[0].name == BASE and not ROWS[0].options
    experiments = []
    for row in ROWS:
        arguments = ["ablation", "--data", "d", "--run", "r", *row.options]
        _, experiment = parse_named(arguments)
        assert experiment not in experiments, row.name
        experiments.append(experiment)
        assert frames_seen(experiment) == frames_seen(ablation.config), row.name
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_a_row_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="only='wied' is not allowed; expected some of base, "):
        AblationsCommand(Path("d"), Path("o"), only=("wied",))
