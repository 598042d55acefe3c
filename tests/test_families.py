"""What not every family can do is refused in one line, in one place."""

from types import SimpleNamespace

import numpy as np
import pytest

from vqvae_jax import families
from vqvae_jax.codec.bundle import NAMED, make_bundle, save_bundle
from vqvae_jax.errors import UserError

ALONG = "is of family mvc, whose files bring their model along: vqvae-jax encode --family mvc"


@pytest.fixture
def of_mvc(tmp_path):
    """A bundle that names a family without bundles."""
    path = tmp_path / "scene.safetensors"
    save_bundle(path, make_bundle("scene", "mvc", NAMED, {}, {"x": np.zeros(1, np.float32)}, {}))
    return path


@pytest.fixture
def run_of(monkeypatch):
    """Makes any run one whose checkpoints are of a family."""

    def pretend(name):
        snapshot = SimpleNamespace(experiment=SimpleNamespace(family=name, name="mine"), stream_state={"digest": ""})
        monkeypatch.setattr("vqvae_jax.training.snapshot.open_run", lambda run: None)
        monkeypatch.setattr("vqvae_jax.training.snapshot.chosen_step", lambda checkpoints, run, step: 1)
        monkeypatch.setattr(families, "load_snapshot", lambda checkpoints, step: snapshot)
        return snapshot

    return pretend


def test_a_family_without_bundles_refuses_one(of_mvc):
    with pytest.raises(UserError, match=f"scene.safetensors: {ALONG}"):
        families.load_model(of_mvc)
    with pytest.raises(UserError, match=f"scene.safetensors: {ALONG}"):
        families.start_from(of_mvc, task=None)
    with pytest.raises(UserError, match="is of family mvc, which has no ONNX decoder"):
        families.onnx_decoder(of_mvc, "scene")


def test_a_run_of_a_family_without_bundles_is_not_exported_and_codes_nothing(tmp_path, run_of):
    snapshot = run_of("mvc")
    with pytest.raises(UserError, match=f"the run of 'mine': {ALONG}"):
        families.export_bundle(snapshot, SimpleNamespace(digest=""), tmp_path / "out.safetensors")
    with pytest.raises(UserError, match=f"run: {ALONG}"):
        families.run_model(tmp_path / "run", "best")


@pytest.mark.parametrize("name", ["ntc", "envc"])
def test_a_run_whose_codes_are_of_whole_videos_wants_to_be_exported_first(tmp_path, run_of, name):
    run_of(name)
    with pytest.raises(UserError, match=rf"run: is of family {name}, which codes nothing before it is exported"):
        families.run_model(tmp_path / "run", "best")


def test_a_trained_family_fits_no_video_and_an_unknown_one_is_named():
    assert families.fits_videos("mvc") and not families.fits_videos("ntc")
    with pytest.raises(UserError, match="family=ntc: codes with a trained model; give its bundle with --bundle"):
        families.fitted_family("ntc")
    with pytest.raises(UserError, match="families: unknown family 'nosuch'; this program knows msvqvae"):
        families.family("nosuch")
