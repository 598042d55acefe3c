"""The family goes through everything that is shared: training, resuming, export, files, evaluation, the comparison."""

import io
import json
import os
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import vqvae_jax as vj
from experiments.evaluate import EvaluateCommand
from experiments.evaluate import main as evaluate
from experiments.rd.config import RdConfig
from experiments.rd.run import measure_codecs
from experiments.train import parse_command, train
from tests.data.example_clips import write_npy
from tests.ntc.narrow import clips
from vqvae_jax.cli.main import run
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.result_file import read_result
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.logs import read_metrics

pytestmark = pytest.mark.slow
CLIP = (8, 16, 16)
SMALL = (
    *("--model.clip", "8", "16", "16", "--data.frames", "8", "--model.width", "8", "--model.coarse-width", "16"),
    *(
        "--model.latents",
        "8",
        "--model.prior-width",
        "16",
        "--model.analysis-blocks",
        "0",
        "--model.decoder-blocks",
        "0",
    ),
    *("--training.log-every", "2", "--training.checkpoint-every", "3", "--training.validate-every", "3"),
    *("--training.validation-clips", "2", "--batch-size", "2", "--training.picture-every", "6"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    content = clips(14, CLIP)
    folder = tmp_path_factory.mktemp("ntc") / "data"
    return write_npy(folder, {"train": content[:8], "validation": content[8:11], "test": content[11:]})


def trained(data, folder, *options):
    command, experiment = parse_command(["ntc_tiny", "--data", str(data), "--run", str(folder), *SMALL, *options])
    assert train(command, experiment) == 0
    return folder


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    return trained(data, tmp_path_factory.mktemp("ntc") / "run", "--steps", "6")


@pytest.fixture(scope="module")
def bundle(straight):
    path = straight.parent / "small.safetensors"
    run(["export", str(path), "--run", str(straight)])
    return path


def leaves(folder):
    checkpoints = Checkpoints(folder / FOLDER, read_only=True)
    return {step: checkpoints.record(step).leaves for step in checkpoints.steps()}


def test_an_interrupted_run_goes_on_bit_for_bit(data, straight, tmp_path):
    """From its checkpoint of step 3, as if the rest had never been: the schedule is that of six steps."""
    again = shutil.copytree(straight, tmp_path / "run")
    shutil.rmtree(again / FOLDER / "6")
    trained(data, again, "--steps", "6")
    assert leaves(again) == leaves(straight) and set(leaves(again)) == {3, 6}
    lines = [[line for line in read_metrics(folder) if "loss" in line] for folder in (straight, again)]
    for first, second in zip(*lines, strict=True):
        assert [first[name] for name in ("step", "loss", "bpp")] == [second[name] for name in ("step", "loss", "bpp")]
    assert {"bpp", "predicted_psnr", "left_out", "learning_rate"} <= set(lines[0][0])
    assert Checkpoints(straight / FOLDER).best_step() in (3, 6)


def test_a_run_may_start_from_its_bundle(data, straight, bundle, tmp_path):
    trained(data, tmp_path / "run", "--init-from", str(bundle), "--steps", "2")
    (line,) = [line for line in read_metrics(tmp_path / "run") if "loss" in line]
    (fresh, *_) = [line for line in read_metrics(straight) if "loss" in line]
    assert line["loss"] < fresh["loss"]


def test_the_command_line_codes_at_qualities_and_to_sizes(bundle, tmp_path, capsys):
    video, coded = tmp_path / "in.npy", tmp_path / "x.msv"
    np.save(video, clips(shape=(20, 24, 20))[0])
    common = ["--bundle", str(bundle), "--size", "native", "--source-fps", "5", "--force", "--json"]
    sizes = []
    for quality in ("0", "100"):
        run(["encode", str(video), str(coded), *common, "--quality", quality])
        sizes.append(json.loads(capsys.readouterr().out)["bytes"])
    assert sizes[0] < sizes[1] == coded.stat().st_size
    goal = round((sizes[0] * sizes[1]) ** 0.5)
    run(["encode", str(video), str(coded), *common, "--target-bytes", str(goal), "--verify"])
    said = capsys.readouterr()
    facts = json.loads(said.out)
    assert 0 < facts["quality"] < 100 and facts["psnr"] > 5
    assert facts["target_bytes"] == goal
    assert facts["target_reached"] == (abs(coded.stat().st_size / goal - 1) < 0.02) != ("cannot be reached" in said.err)
    run(["encode", str(video), str(coded), *common, "--target-bytes", "1"])
    said = capsys.readouterr()
    facts = json.loads(said.out)
    assert not facts["target_reached"] and facts["bytes"] == sizes[0] and "cannot be reached" in said.err
    run(["encode", str(video), str(coded), *common, "--target-bytes", str(goal)])
    capsys.readouterr()
    run(["info", str(coded), "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["family"] == "ntc" and facts["chunks"] == 3 == len(facts["chunk_bytes"])
    assert sum(facts["chunk_bytes"]) == facts["payload_bytes"]["y"]
    run(["decode", str(coded), str(tmp_path / "out.npy"), "--bundle", str(bundle)])
    assert np.load(tmp_path / "out.npy").shape == (20, 24, 20, 3)


def test_a_target_replaces_nothing_unasked_and_no_special_file(bundle, tmp_path):
    np.save(tmp_path / "in.npy", clips()[0])
    out = tmp_path / "x.msv"
    command = ["encode", str(tmp_path / "in.npy"), str(out), "--bundle", str(bundle), "--target-bytes", "400"]
    out.write_bytes(b"mine")
    with pytest.raises(UserError, match="exists already"):
        run(command)
    assert out.read_bytes() == b"mine"
    out.unlink()
    os.mkfifo(out)
    with pytest.raises(UserError, match="no plain file"):
        run([*command, "--force"])
    with pytest.raises(UserError, match="there is no folder"):
        vj.encode_video(clips()[0], vj.load(bundle), 16, tmp_path / "none" / "x.msv", target_bytes=400)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rate-weight", "0.1"], "--quality chooses its rate"),
        (["--target-bpp", "0.1", "--target-bytes", "5"], "give one of them"),
        (["--target-bpp", "-1"], "target-bpp=-1"),
        (["--target-bytes", "900", "--quality", "3"], "a target chooses it"),
        (["--gop", "6"], "a multiple of 4 frames"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(bundle, tmp_path, options, said):
    np.save(tmp_path / "in.npy", clips()[0])
    with pytest.raises(UserError, match=said) as error:
        run(["encode", str(tmp_path / "in.npy"), str(tmp_path / "x.msv"), "--bundle", str(bundle), *options])
    assert "\n" not in str(error.value) and not (tmp_path / "x.msv").exists()


def test_the_interface_for_python_codes_videos(bundle):
    model, video = vj.load(bundle), clips()[0]
    small, large = (vj.encode_video(video, model, 16, quality=quality) for quality in (0, 100))
    assert len(small) < len(large)
    out = io.BytesIO()
    goal = (len(small) + len(large)) // 2
    assert vj.encode_video(video, model, Fraction(16), out, target_bytes=goal, effort=1) is None
    assert vj.decode_video(out.getvalue(), model).shape == video.shape
    with pytest.warns(UserWarning, match="cannot be reached"):
        assert vj.encode_video(video, model, 16, target_bytes=1) == small
    with pytest.raises(UserError, match="has no tokens"):
        model.encode(video)


def test_checkpoints_and_bundles_are_evaluated_by_files(straight, bundle, tmp_path, capsys):
    command = EvaluateCommand(run=(straight,), bundle=(bundle,), out=tmp_path / "out", steps=("best",), fit_clips=8)
    evaluate(command)
    assert "| small |" in capsys.readouterr().out
    entry = read_result(tmp_path / "out" / "run.json")["checkpoints"][-1]
    assert list(entry["estimates"]) == ["likelihood"] and len(entry["diagnostics"]["rates"]) == 3
    assert entry["files"]["clip_psnr"] and entry["curve"] == []

    evaluate(replace(command, qualities=(0.0, 50.0, 100.0)))
    kept = {name: (tmp_path / "out" / f"{name}.json").read_bytes() for name in ("run", "small")}
    evaluate(replace(command, qualities=(100.0,)))  # asked for less, nothing is lost
    for name, content in kept.items():
        assert (tmp_path / "out" / f"{name}.json").read_bytes() == content
        entry = read_result(tmp_path / "out" / f"{name}.json")["checkpoints"][-1]
        assert [point["quality"] for point in entry["curve"]] == [0, 50, 100]
        low, middle, high = (point["files"]["bpp"] for point in entry["curve"])
        assert low <= middle == entry["files"]["bpp"] < high  # 50 is the default; files of 64 bytes have little to save


def test_it_is_a_curve_of_the_comparison(data, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.rd.measure.vmaf_refused", lambda *_: "left out here")
    config = RdConfig(
        data=data, out=Path(tmp_path), codecs="ntc", bundle=(bundle,), quality=(0.0, 100.0), clips=2, jobs=1
    )
    (entry,) = measure_codecs(config, say=lambda line: None)["codecs"].values()
    bpp = {point["setting"]: point["rate"]["bpp"] for point in entry["points"]}
    assert bpp["ntc_tiny quality 0"] < bpp["ntc_tiny quality 100"] and len(bpp) == 2
