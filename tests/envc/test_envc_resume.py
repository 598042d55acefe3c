"""The training program through a border of stages: left before it, on it and behind it, it ends in the same state."""

import json

import numpy as np
import pytest

from experiments.train import parse_command, train
from tests.data.example_clips import write_npy
from tests.envc.tiny_training import clips
from tests.training.left_runs import curves, kept_programs, last, left_after
from vqvae_jax.errors import UserError

# fmt: off
OPTIONS = [
    "--stages.shares", "1", "1", "0", "0", "0", "0", "--model.clip", "2", "64", "64",
    "--model.intra-width", "4", "--model.intra-latents", "4", "--model.latents", "4", "--data.frames", "2",
    "--training.log-every", "3", "--training.checkpoint-every", "100", "--training.validation-clips", "0",
]
# fmt: on

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def programs(tmp_path_factory):
    """What the straight run compiled is there for those that resume."""
    with kept_programs(tmp_path_factory.mktemp("compiled"), 1):
        yield


def run(data, folder, leave_after=None, steps=4):
    """Trains until so many steps are done in this process."""
    with left_after(leave_after):
        words = ["envc_tiny", "--data", str(data), "--run", str(folder), "--steps", str(steps), *OPTIONS]
        assert train(*parse_command(words)) == 0


def test_a_run_goes_through_a_border_of_stages_bit_for_bit(tmp_path, capsys):
    data = write_npy(tmp_path / "data", {"train": clips(6, 3)})
    run(data, tmp_path / "straight")
    said = capsys.readouterr().err
    assert "stages: 1 intra: 2, 2 inter: 2 steps" in said and "stage 2 inter, steps 3 to 4: compiled in" in said
    for _ in range(2):  # after step 1, then on the border
        run(data, tmp_path / "parts", leave_after=1)
    assert last(tmp_path / "parts")[0] == 2
    assert "compiled" in capsys.readouterr().err
    run(data, tmp_path / "parts", leave_after=1)
    assert last(tmp_path / "parts")[0] == 3
    run(data, tmp_path / "parts")
    assert last(tmp_path / "parts") == last(tmp_path / "straight")
    assert curves(tmp_path / "parts") == curves(tmp_path / "straight")
    # The second stage learns P frames alone, and its figures are its own.
    lines = [line for line in curves(tmp_path / "straight") if "loss" in line]
    assert [line["step"] for line in lines] == [2, 3, 4]
    first, second = lines[0], lines[-1]
    assert "intra/bpp" in first and "inter/bpp" not in first
    assert "inter/bpp" in second and "intra/bpp" not in second
    with pytest.raises(UserError, match=r"in stages, which are shares of its length \(training.steps: 4 -> 8\)"):
        run(data, tmp_path / "parts", steps=8)
    assert json.loads((tmp_path / "parts" / "config.json").read_text())["training"]["steps"] == 4
    assert np.isfinite(first["loss"])
