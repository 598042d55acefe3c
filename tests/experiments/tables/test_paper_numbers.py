"""What we print as the paper's is what the paper prints."""

import re
from pathlib import Path

import pytest

from experiments.tables.paper import CLIPS, TABLES, TRAINING_CLIPS, roles_of

PAPER = Path(__file__).parents[4] / "shared" / "papers" / "msvqvae.txt"


@pytest.fixture(scope="module")
def text():
    if not PAPER.exists():
        pytest.skip(f"{PAPER} is not here")
    return PAPER.read_text()


def printed_rows(text, number):
    """Label -> the numbers behind it, of the lines that follow the table's caption."""
    body = re.split(rf"^Table {number}: .*$", text, flags=re.MULTILINE)[1].strip()
    lines = [line.split("\t") for line in body.splitlines()]
    table = lines[: next((i for i, cells in enumerate(lines) if len(cells) == 1), len(lines))]
    return {cells[0].replace("$\\gamma=0.4$", "γ=0.4"): cells[1:] for cells in table[1:]}


@pytest.mark.parametrize("number", [2, 3])
def test_rows_and_figures_of_the_comparisons_are_the_papers(text, number):
    printed = printed_rows(text, number)
    ours = {row.label: [row.psnr, row.ssim] + ([row.params_m] if row.params_m else []) for row in TABLES[number].rows}
    assert {label: [float(cell) for cell in cells] for label, cells in printed.items()} == ours
    assert list(printed) == list(ours)


def test_the_aggregate_figures_are_the_papers(text):
    printed = {label: float(cells[0]) for label, cells in printed_rows(text, 1).items()}
    (row,) = TABLES[1].rows
    assert printed == {
        "PSNR": row.psnr,
        "SSIM": row.ssim,
        "Compression Ratio": row.compression_ratio,
        "Compression Reduction": row.reduction_percent,
    }


@pytest.mark.parametrize("number", [1, 2, 3])
def test_titles_are_the_papers(text, number):
    assert f"Table {number}: {TABLES[number].title}" in text.replace(
        " (UCF101 validation set).", " (UCF101 validation set)"
    )


def test_clip_numbers_are_the_papers(text):
    digits = re.sub(r"\s", "", text)
    for count in (CLIPS, TRAINING_CLIPS, TABLES[1].clips, TABLES[2].clips):
        assert str(count) in digits
    assert TRAINING_CLIPS + TABLES[1].clips + TABLES[2].clips == CLIPS


def test_table_1_needs_one_model_and_the_others_all_four():
    assert roles_of((1,)) == ["msvqvae"]
    assert set(roles_of((3,))) == set(roles_of((1, 2))) == {"msvqvae", "vqvae2", "vqvae3d", "msvqvae_k512"}
