"""A family that the library knows nothing of goes through everything that is shared."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import configs
from experiments.evaluate import EvaluateCommand
from experiments.evaluate import main as evaluate
from experiments.rd.config import RdConfig
from experiments.rd.run import measure_codecs
from experiments.train import parse_command, train
from tests.data.example_clips import write_npy
from vqvae_jax import families
from vqvae_jax.cli.main import run
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.result_file import read_result
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.logs import read_metrics

NAMED = Path(__file__).parent / "named"
CLIP = (4, 16, 16)


@pytest.fixture(scope="module", autouse=True)
def toy():
    """`toy` is a family and an experiment here, and not in other folders' tests, which may run in the same process."""
    families.FAMILIES["toy"] = "tests.toy.family"
    configs.__path__.append(str(NAMED))
    yield
    configs.__path__.remove(str(NAMED))
    del families.FAMILIES["toy"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    coarse = np.random.default_rng(0).integers(0, 256, (18, CLIP[0] // 2, CLIP[1] // 8, CLIP[2] // 8, 3))
    clips = np.kron(coarse, np.ones((1, 2, 8, 8, 1))).astype(np.uint8)
    folder = tmp_path_factory.mktemp("toy") / "data"
    return write_npy(folder, {"train": clips[:10], "validation": clips[10:14], "test": clips[14:]})


def trained(data, folder, *options):
    command, experiment = parse_command(["toy", "--data", str(data), "--run", str(folder), *options])
    assert train(command, experiment) == 0
    return folder


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    return trained(data, tmp_path_factory.mktemp("toy") / "run")


@pytest.fixture(scope="module")
def bundle(data, straight):
    path = straight.parent / "toy.safetensors"
    run(["export", str(path), "--run", str(straight), "--clips", "32"])
    return path


def leaves(run_folder):
    checkpoints = Checkpoints(run_folder / FOLDER, read_only=True)
    return {step: checkpoints.record(step).leaves for step in checkpoints.steps()}


def test_it_trains_logs_its_terms_and_ranks_its_checkpoints(straight):
    lines = read_metrics(straight)
    losses = [line["loss"] for line in lines if "loss" in line]
    assert len(losses) == 2 and losses[1] < losses[0]
    assert all(line["brightest"] in (0, 1, 2) for line in lines if "loss" in line)
    validated = {line["step"]: line["validation/psnr"] for line in lines if "validation/psnr" in line}
    assert Checkpoints(straight / FOLDER).best_step() == max(validated, key=validated.get) == 6
    assert json.loads((straight / "config.json").read_text())["family"] == "toy"


def test_an_interrupted_run_goes_on_bit_for_bit(data, straight, tmp_path):
    trained(data, tmp_path / "run", "--steps", "3")
    trained(data, tmp_path / "run", "--steps", "6")
    assert leaves(tmp_path / "run") == leaves(straight)


def test_two_data_sets_with_weights_go_on_bit_for_bit_and_their_bundle_is_fitted_on_both(data, tmp_path):
    clips = np.random.default_rng(5).integers(0, 256, (9, *CLIP, 3), np.uint8)
    other = write_npy(tmp_path / "other", {"train": clips[:6], "validation": clips[6:]})

    def both(folder, *options, weights=("1", "3")):
        words = ["toy", "--data", str(data), str(other), "--weights", *weights, "--run", str(folder), *options]
        assert train(*parse_command(words)) == 0

    both(tmp_path / "straight")
    both(tmp_path / "run", "--steps", "3")
    with pytest.raises(UserError, match="cannot resume: the checkpoint's data stream has digest="):
        both(tmp_path / "run", "--steps", "6", weights=("3", "1"))
    both(tmp_path / "run", "--steps", "6")
    assert leaves(tmp_path / "run") == leaves(tmp_path / "straight")
    noted = json.loads((tmp_path / "run" / "data.json").read_text())
    assert (noted["folders"], noted["weights"]) == ([str(data), str(other)], [1.0, 3.0])
    run(["export", str(tmp_path / "both.safetensors"), "--run", str(tmp_path / "run"), "--clips", "32"])


def test_a_run_may_start_from_its_bundle(data, straight, bundle, tmp_path):
    trained(data, tmp_path / "run", "--init-from", str(bundle), "--steps", "1")
    fresh, best = (
        next(line["loss"] for line in read_metrics(folder) if "loss" in line) for folder in (straight, tmp_path / "run")
    )
    assert best < fresh


def test_the_command_line_codes_with_it_and_says_what_a_file_holds(bundle, tmp_path, capsys):
    frames = np.random.default_rng(1).integers(0, 256, (11, 20, 28, 3), np.uint8)
    np.save(tmp_path / "in.npy", frames)
    coded = str(tmp_path / "x.msv")
    run(["encode", str(tmp_path / "in.npy"), coded, "--bundle", str(bundle), "--size", "native", "--source-fps", "5"])
    run(["decode", coded, str(tmp_path / "out.npy"), "--bundle", str(bundle)])
    decoded = np.load(tmp_path / "out.npy")
    assert decoded.shape == frames.shape
    # Block means of the decoded frames follow those of the source, up to the learned gain.
    means = [f[:, :16, :24].reshape(11, 2, 8, 3, 8, 3).mean(axis=(2, 4)).ravel() for f in (frames, decoded)]
    assert np.corrcoef(*means)[0, 1] > 0.99
    capsys.readouterr()
    run(["info", coded, "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert (facts["family"], facts["toy"], facts["chunks"], facts["frames"]) == ("toy", "toy", 3, 11)


def test_its_checkpoints_and_its_bundle_are_evaluated_by_files(data, straight, bundle, tmp_path, capsys):
    command = EvaluateCommand(run=(straight,), bundle=(bundle,), out=tmp_path / "out", steps=("all",), fit_clips=4)
    evaluate(command)
    assert "| toy | 6 |" in capsys.readouterr().out
    result = read_result(tmp_path / "out" / "run.json")
    best, of_bundle = result["checkpoints"][-1], read_result(tmp_path / "out" / "toy.json")["checkpoints"][0]
    assert result["run"]["family"] == "toy" and best["step"] == of_bundle["step"] == 6
    assert list(best["estimates"]) == ["fixed"] and best["diagnostics"]["used"] > 1 and best["without"] == {}
    # A checkpoint's file is the bundle's file, and decodes to what the model shows: nothing of it is rounded.
    assert best["files"]["bytes"] == of_bundle["files"]["bytes"]
    assert best["files"]["clip_psnr"] == pytest.approx(best["quality"]["clips"]["psnr"], abs=1e-3)
    assert best["files"]["bpp"] == pytest.approx(8 * np.mean(best["files"]["bytes"]) / np.prod(CLIP))


def test_it_is_a_codec_of_the_rate_distortion_job(data, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.rd.measure.vmaf_refused", lambda *_: "left out here")
    config = RdConfig(data=data, out=tmp_path, codecs="toy", bundle=(bundle,), rate_weight=(0.0, 1.0), clips=2, jobs=1)
    (entry,) = measure_codecs(config, say=lambda line: None)["codecs"].values()
    assert (entry["kind"], entry["family"], entry["title"]) == ("learned", "toy", "toy toy")
    (point,) = entry["points"]
    assert point["setting"] == "toy" and not point["failures"] and len(point["rate"]["bytes"]) == 2
    assert "does not weigh bits" in entry["reason"]
