"""What stands in the files, from made-up runs of four tiny models, one of them missing."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from cells import BUDGET, ROLES, STEPS, command, make_run, never_launched, write_data

from experiments.tables.make import make_tables
from experiments.tables.schema import Table
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation import job, opening
from vqvae_jax.evaluation.result_file import check_schema, read_result

MISSING = "msvqvae_k512"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(out, data, how often baselines were measured)."""
    folder = tmp_path_factory.mktemp("tables")
    data, out = write_data(folder / "data"), folder / "out"
    for role in ROLES:
        if role != MISSING:
            make_run(out, data, role)
    counted = []
    with pytest.MonkeyPatch.context() as patch:
        measure = opening.measure_baselines
        patch.setattr(opening, "measure_baselines", lambda *a, **k: counted.append(1) or measure(*a, **k))
        make_tables(command(data, out, 1, 2, 3, no_train=True), "as typed", never_launched, BUDGET)
    return out, data, len(counted)


def no_constant(name):
    raise AssertionError(name)


def read(out, number) -> Table:
    return json.loads((out / f"table{number}_cell.json").read_text(), parse_constant=no_constant)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_json_keeps_to_its_schema(made, number):
    check_schema(read(made[0], number), Table, f"table {number}")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_figure_is_the_linked_evaluations(made, number):
    out = made[0]
    rows = [row for row in read(out, number)["rows"] if row["ours"]]
    assert len(rows) == {1: 1, 2: 3, 3: 3}[number]
    for row in rows:
        assert (out / row["run"]["folder"]).is_dir()
        result = read_result(out / row["run"]["evaluation"])
        (entry,) = result["checkpoints"]
        assert result["data"]["split"] == ("test" if number == 1 else "validation")
        for name in ("psnr", "ssim", "difference_psnr", "perceptual"):
            assert row["ours"][name] == entry["quality"]["mean"][name]
        bpp = entry["estimates"]
        assert [row["ours"][f"{name}_bpp"] for name in bpp] == list(bpp.values())
        assert row["ours"]["formula_share_of_raw"] == bpp["formula"] / 24
        assert row["ours"]["deflate_share_of_h264"] == bpp["deflate"] / result["h264"]["bpp"]
        assert row["run"]["steps"] == entry["step"] == STEPS
        assert row["run"]["checkpoint"] == entry["digest"]
        total = result["run"]["cost"]["parameters"] + result["run"]["cost"]["codebook_entries"]
        assert row["ours"]["params_m"] == total / 1e6


def test_a_cell_that_nobody_has_run_says_so_in_every_file(made):
    out = made[0]
    (row,) = [row for row in read(out, 2)["rows"] if row["experiment"] == f"cell_{MISSING}"]
    assert row["ours"] is row["run"] is None
    assert row["reason"] == "not run yet (missing)"
    lines = (out / "table2_cell.md").read_text().splitlines()
    assert any("512 embeddings" in line and "not run yet" in line and "25.58" in line for line in lines)
    with (out / "table2_cell.csv").open() as file:
        rows = {row["experiment"]: row for row in csv.DictReader(file)}
    assert (rows[f"cell_{MISSING}"]["psnr"], rows[f"cell_{MISSING}"]["reason"]) == ("", "not run yet (missing)")


def test_markdown_has_ours_and_the_papers_side_by_side_with_links_and_rates(made):
    out = made[0]
    row = next(row for row in read(out, 2)["rows"] if row["experiment"] == "cell_vqvae3d")
    (line,) = [x for x in (out / "table2_cell.md").read_text().splitlines() if x.startswith("| [VQ-VAE (3D")]
    cells = [cell.strip() for cell in line.strip("|").split(" | ")]
    ours = row["ours"]
    assert cells[0] == "[VQ-VAE (3D, single level)](runs/cell_vqvae3d)"
    assert cells[1:5] == [
        f"[{ours['psnr']:.2f}](evaluations/cell_vqvae3d_validation_without_vgg.json)",
        "24.91",
        f"[{ours['ssim']:.4f}](evaluations/cell_vqvae3d_validation_without_vgg.json)",
        "0.8673",
    ]
    assert cells[7:10] == [f"{ours[name]:.4f}" for name in ("formula_bpp", "deflate_bpp", "entropy_bpp")]


def test_csv_has_the_jsons_figures(made):
    out = made[0]
    with (out / "table3_cell.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row, entry in zip(rows, read(out, 3)["rows"], strict=True):
        assert float(row["paper_psnr"]) == entry["paper"]["psnr"]
        if entry["ours"]:
            assert float(row["psnr"]) == entry["ours"]["psnr"]
            assert row["checkpoint"] == entry["run"]["checkpoint"]


def test_table_1_names_both_denominators_and_leaves_the_papers_unnamed(made):
    page = (made[0] / "table1_cell.md").read_text()
    row = read(made[0], 1)["rows"][0]
    bpp, link = row["ours"]["formula_bpp"], f"({row['run']['evaluation']})"
    assert f"| Compression ratio, formula / raw 24 bpp | [{bpp / 24:.4f}]{link} | – | × |" in page
    assert f"| Compression reduction, formula / raw 24 bpp | [{100 - bpp / 0.24:.1f}]{link} | – | % |" in page
    assert "| Compression ratio, denominator not stated | – | 0.48 | × |" in page
    assert "DEFLATE / H.264" in page


def test_notes_say_where_the_papers_tables_disagree_and_that_one_seed_proves_nothing(made):
    notes = " ".join(read(made[0], 3)["notes"])
    assert "3 of 4 shared rows" in notes and "22.77 dB / 0.8112 against 25.13 / 0.8744" in notes
    assert "-3.55 dB" in notes
    assert "no statement of significance" in notes


def test_clips_are_measured_without_a_model_once_a_split(made):
    assert made[2] == 2  # validation and test


def test_the_same_command_measures_nothing_again_and_draws_nothing_again(made, monkeypatch):
    out, data, _ = made
    before = {name: (out / name).stat().st_mtime_ns for name in ("figure2_cell.png", "figure2_cell.webp")}
    first = [read(out, number)["rows"] for number in (1, 2, 3)]
    monkeypatch.setattr(job.ModelMeasurement, "measure", lambda *_: pytest.fail("measured again"))
    make_tables(command(data, out, 1, 2, 3, no_train=True), "as typed", never_launched, BUDGET)
    assert [read(out, number)["rows"] for number in (1, 2, 3)] == first
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before


def test_fewer_clips_are_measured_into_a_file_of_their_own_and_said(made):
    out, data, _ = made
    make_tables(command(data, out, 3, no_train=True, clips=2), "as typed", never_launched, BUDGET)
    table = read(out, 3)
    assert (table["data"]["clips"], table["data"]["clips_in_split"]) == (2, 5)
    assert any(note.startswith("Only 2 of 5 clips") for note in table["notes"])
    assert Path(table["rows"][0]["run"]["evaluation"]).name == "cell_vqvae3d_validation_2_clips_without_vgg.json"


def test_a_proof_of_the_path_is_labelled_in_every_file(made, tmp_path):
    from experiments.tables.paper import BUDGETS

    data = made[1]
    budget = BUDGET._replace(remark=BUDGETS["smoke"].remark, proves="path")
    make_tables(command(data, tmp_path, 2, no_train=True), "as typed", never_launched, budget)
    table = read(tmp_path, 2)
    assert table["proves"] == "path" and "not of the numbers" in table["remark"]
    assert "not of the numbers" in (tmp_path / "table2_cell.md").read_text()
    assert "not of the numbers" in (tmp_path / "table2_cell.csv").read_text()


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "digest", "other", "another split"),
        ("run", "identity", "other", "another run"),
        ("checkpoints", "digest", "other", "another state of the run"),
    ],
)
def test_an_evaluation_of_something_else_is_neither_used_nor_replaced(made, tmp_path, section, field, value, message):
    out, data, _ = made
    shutil.copytree(out, tmp_path / "out")
    file = tmp_path / "out" / "evaluations" / "cell_msvqvae_test_without_vgg.json"
    result = json.loads(file.read_text())
    (result[section][0] if section == "checkpoints" else result[section])[field] = value
    file.write_text(json.dumps(result))
    before = file.read_bytes()
    with pytest.raises(UserError, match=f"{file} is of {message} than is wanted here; move it away"):
        make_tables(command(data, tmp_path / "out", 1, no_train=True), "as typed", never_launched, BUDGET)
    assert file.read_bytes() == before
