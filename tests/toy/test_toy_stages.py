"""The loop goes through stages, each with a program of its own, and may be left and entered anywhere."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import configs
from experiments.train import parse_command, train
from tests.data.example_clips import write_npy
from tests.toy import family
from vqvae_jax import families
from vqvae_jax.errors import UserError
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.interrupt import Interruption
from vqvae_jax.training.logs import read_metrics
from vqvae_jax.training.task import Stage


class Staged(family.ToyTask):
    """Two stages: frames of a clip are told apart by how bright they are, and the second reports a term more."""

    def __init__(self, experiment):
        super().__init__(experiment)
        self.stages = (
            Stage(self.step, "short", frames=1, forward_macs=lambda clip: 1000 * clip[0]),
            Stage(self.second, "long", first=2),
        )

    def second(self, state, batch, key, constants):
        new, metrics = self.step(state, batch, key, constants)
        scalars = {**metrics.scalars, "frames": jnp.float32(batch.shape[1])}
        return new._replace(params={**new.params, "gain": new.params["gain"] * 0.5}), metrics._replace(scalars=scalars)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(families.FAMILIES, "toy", "tests.toy.family")
    monkeypatch.setattr(configs, "__path__", [*configs.__path__, str(Path(__file__).parent / "named")])
    monkeypatch.setattr(family, "task", lambda experiment, *_, **__: Staged(experiment))


@pytest.fixture
def data(tmp_path):
    clips = np.random.default_rng(0).integers(0, 256, (14, 4, 16, 16, 3), np.uint8)
    return write_npy(tmp_path / "data", {"train": clips[:10], "validation": clips[10:]})


def run(data, folder, *options, leave_after=99):
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Interruption, "agreed", lambda *_: asked.append(1) or len(asked) > leave_after)
        words = ["toy", "--data", str(data), "--run", str(folder), "--training.log-every", "4"]
        assert train(*parse_command([*words, *(options or ("--steps", "6"))])) == 0


def leaves(folder):
    checkpoints = Checkpoints(folder / FOLDER, read_only=True)
    return checkpoints.record(checkpoints.steps()[-1]).leaves


def curves(folder):
    rates = ("time", "clips_per_second", "flops_per_second")
    return [{name: value for name, value in line.items() if name not in rates} for line in read_metrics(folder)]


def test_stages_follow_one_another_and_the_log_is_cut_between_them(data, tmp_path, capsys):
    run(data, tmp_path / "run")
    said = capsys.readouterr().err
    assert "stage short, steps 1 to 2" in said and "stage long, steps 3 to 6: compiled in" in said
    lines = [line for line in curves(tmp_path / "run") if "loss" in line]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert [line.get("frames") for line in lines] == [None, 4, 4]


@pytest.mark.parametrize("leave_after", [1, 2, 3])
def test_leaving_before_on_and_behind_a_border_changes_nothing(data, tmp_path, leave_after):
    run(data, tmp_path / "straight")
    run(data, tmp_path / "parts", leave_after=leave_after)
    run(data, tmp_path / "parts")
    assert leaves(tmp_path / "parts") == leaves(tmp_path / "straight")
    ours, theirs = ([line for line in curves(tmp_path / name) if "loss" in line] for name in ("parts", "straight"))
    assert ours == theirs


def test_stages_are_shares_of_a_length_that_stays(data, tmp_path):
    run(data, tmp_path / "run", leave_after=1)
    with pytest.raises(UserError, match=r"trained in stages, .* \(training.steps: 6 -> 8\)"):
        run(data, tmp_path / "run", "--steps", "8")


def test_a_numbered_stage_sees_which_clips_it_is_given(data, tmp_path, monkeypatch):
    class Numbered(family.ToyTask):
        def __init__(self, experiment):
            super().__init__(experiment)
            self.stages = (Stage(self.numbered, "with", numbered=True), Stage(self.step, "without", first=3))

        def numbered(self, state, batch, key, constants):
            clips, records = batch
            new, metrics = self.step(state, clips, key, constants)
            seen = {f"sum_{i}": jnp.sum(clips[i].astype(jnp.float32)) for i in range(2)}  # also of one that is mirrored
            seen |= {f"record_{i}": records[i].astype(jnp.float32) for i in range(2)}
            return new, metrics._replace(scalars={**metrics.scalars, **seen})

    monkeypatch.setattr(family, "task", lambda experiment, *_, **__: Numbered(experiment))
    run(data, tmp_path / "run", "--steps", "4", "--training.log-every", "1")
    lines = [line for line in read_metrics(tmp_path / "run") if "record_0" in line]
    clips = np.load(data / "train.npy")
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert all(clips[int(line[f"record_{i}"])].sum() == line[f"sum_{i}"] for line in lines for i in range(2))
