"""The ablation on made figures, and one row fitted in earnest."""

import json
from dataclasses import replace

import numpy as np
import pytest

from experiments import configs
from experiments.fit import fit, parse_command, read_frames
from experiments.scene_ablation.__main__ import AblationCommand
from experiments.scene_ablation.make import ablate, complete
from experiments.scene_ablation.rows import ROWS
from experiments.scene_ablation.table import cells
from tests.mvc.tiny_mvc import TINY, scene
from vqvae_jax.errors import UserError


@pytest.fixture
def video(tmp_path, monkeypatch):
    """A video of five frames, and a tiny network under an experiment's name."""
    small = configs.load("mvc_micro64")
    small = replace(small, model=TINY, training=replace(small.training, log_every=5, validate_every=10))
    monkeypatch.setattr(configs, "load", lambda name: replace(small, name=name))
    np.save(tmp_path / "waves.npy", scene())
    return tmp_path / "waves.npy"


def test_every_row_is_an_experiment_and_is_compared_with_another(tmp_path):
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    base = configs.load("mvc_micro128")
    for row in ROWS:
        assert row.base in ("", *names)
        _, changed = parse_command(["mvc_micro128", "--video", "v", "--run", str(tmp_path), *row.options.split()])
        assert (changed != base) == bool(row.options)


def test_gains_are_differences_to_the_rows_base():
    own = {"psnr": 30.0, "bpp": 1.5, "terms": {"flow/mask": 0.25}, "ms_per_step": 9.96}
    found = cells(ROWS, {"fds": {**own, "psnr": 29.5, "terms": {}}, "sfcm": own})
    lines = dict(zip([row.name for row in ROWS], found, strict=True))
    assert lines["sfcm"] == ("+ SFCM", "30.00", "+0.50", "+ FDS", "1.500", "0.250", "–", "10.0")
    assert lines["fds"][2] == "–" and lines["tcl"][1] == "not run"


def test_frames_are_scaled_by_areas(video):
    found = read_frames(video, 3, 9, 12)
    assert found.shape == (3, 9, 12, 3)
    np.testing.assert_allclose(found, scene()[:3].reshape(3, 9, 2, 12, 2, 3).mean((2, 4)), atol=0.51)


@pytest.mark.slow
def test_a_row_is_fitted_once_and_shown(video, tmp_path):
    out, launched = tmp_path / "out", []

    def launch(module, *words):
        launched.append(module)
        assert fit(*parse_command(list(words))) == 0

    files = ablate([video], out, "mvc_micro64", 2, ["fds"], launch, "--fit.quantised 0")
    assert [file.name for file in files] == ["scene_ablation.json", "scene_ablation.md", "scene_ablation.html"]
    found = json.loads(files[0].read_text())["videos"]["waves"]
    assert set(found) == {"fds"} and found["fds"]["step"] == 10 and 5 < found["fds"]["psnr"] < 40
    ablate([video], out, "mvc_micro64", 2, ["fds"], launch, "--fit.quantised 0")
    assert launched == ["experiments.fit"]
    run = out / "runs" / "waves" / "fds"
    words = ["mvc_micro64", "--video", str(video), "--run", str(run), "--training.epochs"]
    assert complete(run, [*words, "2"]) and not complete(run, [*words, "3"])


def test_what_is_no_row_or_no_scene_is_refused(tmp_path):
    with pytest.raises(UserError, match="only='sfmc'"):
        AblationCommand((tmp_path,), tmp_path, only=("sfmc",))
    with pytest.raises(UserError, match="two have one name"):
        AblationCommand((tmp_path / "a" / "v.mp4", tmp_path / "v.mp4"), tmp_path)
    command, experiment = parse_command(["mvc_micro64", "--video", str(tmp_path / "no.mp4"), "--run", str(tmp_path)])
    with pytest.raises(UserError, match=r"no\.mp4"):
        fit(command, experiment)
    with pytest.raises(UserError, match="is of family msvqvae, which is trained"):
        fit(command, configs.load("tiny"))
