"""The page of results says what the JSON files say, and nothing else."""

import json

import pytest

from benchmarks.page import page, read_results, write_page
from vqvae_jax.errors import UserError

METRICS = {
    "about": "Metrics against scikit-image.",
    "command": "python -m benchmarks.metrics --data DIR",
    "date": "2031-02-03T04:05:06+00:00",
    "machine": {"cores": 2, "processor": "Z80", "devices": ["cpu", "cpu"], "load_average": 0.5},
    "threads": {"scikit-image": 1},
    "versions": {"jax": "0.10.2"},
    "peers": {"scikit-image": "0.26.0"},
    "left_out": ["torch is not installed"],
    "aims": [{"what": "times the speed", "at_least": 20.0, "at_most": None, "measured": 23.456, "met": True}],
    "data": {"name": "clips", "digest": "ab" * 32},
    "rows": [{"figure": "ssim", "ratio": 23.456}, {"figure": "psnr", "ratio": 2.5}],
}
OLD = {"command": "python -m benchmarks.zebra", "rows": [{"stripes": 7}], "runs": [{"a": 1}]}


@pytest.fixture
def folder(tmp_path):
    for name, result in {"zebra": OLD, "metrics": METRICS}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
    return tmp_path


def test_every_number_command_version_and_aim_is_on_the_page(folder):
    text = write_page(folder).read_text()
    for line in (
        "| [metrics](#metrics) | times the speed | at least 20 | 23.46 | met |",
        "| ssim | 23.46 |",
        "| psnr | 2.5 |",
        "python -m benchmarks.metrics --data DIR",
        "Left out: torch is not installed.",
        "Metrics against scikit-image.",
        "| stripes |",
    ):
        assert line in text.splitlines()
    assert "2031-02-03T04:05:06+00:00; Z80, 2 cores, devices 2 x cpu, load 0.5; versions: jax 0.10.2" in text
    assert "peers: scikit-image 0.26.0; threads: scikit-image 1; data: name clips, digest abababababab." in text
    assert "runs: 1, in the JSON file" in text


def test_benchmarks_come_in_the_catalogues_order_and_unmeasured_ones_are_listed(folder):
    text = page(read_results(folder))
    assert text.index("## metrics") < text.index("## zebra")
    missing = text.split("## Not measured")[1]
    assert "pipeline" in missing and "metrics" not in missing


def test_a_result_of_parts_shows_their_states_and_tables(folder):
    done = {"state": "done", "seconds": 3.0, "summary": "fine", "result": METRICS}
    late = {"state": "out of time", "seconds": 540.0, "summary": ""}
    (folder / "gpu.json").write_text(json.dumps({"program": "gpu", "items": {"batch 8": done, "tests": late}}))
    text = page(read_results(folder))
    assert "| tests | out of time | 540 |" in text and "### batch 8\n\nMetrics against scikit-image." in text
    assert text.count("| times the speed | at least 20 | 23.46 | met |") == 2


def test_the_page_changes_with_a_number(folder):
    before = page(read_results(folder))
    changed = METRICS | {"rows": [{"figure": "ssim", "ratio": 9.0}]}
    (folder / "metrics.json").write_text(json.dumps(changed))
    assert page(read_results(folder)) != before


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": []}', '{"runs": [1]}'])
def test_a_file_that_is_no_result_is_named(folder, content):
    (folder / "broken.json").write_text(content)
    with pytest.raises(UserError, match=r"broken\.json"):
        read_results(folder)


def test_no_results_are_an_error(tmp_path):
    with pytest.raises(UserError, match="holds no results"):
        read_results(tmp_path)
