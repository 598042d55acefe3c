"""Files of checkpoints and bundles: what is said of them is what stands on disk and what a decoder makes of it."""

import csv
import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from example_run import CLIP, EXPERIMENT, moving_squares, write_data, write_run
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from experiments.evaluate import EvaluateCommand, main
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.data.open import open_split
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation import bundles
from vqvae_jax.evaluation.clip_files import measure_files
from vqvae_jax.evaluation.coder import ModelCoder
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.job import EvaluationJob, evaluate
from vqvae_jax.evaluation.quality import ClipMeasure
from vqvae_jax.evaluation.result_file import read_result
from vqvae_jax.families import load_model

CLIPS = moving_squares(5)
#: Entropy models are fitted on grids of two steps at least.
TWO_STEPS = replace(EXPERIMENT, model=replace(EXPERIMENT.model, top=replace(EXPERIMENT.model.top, strides=(2, 8, 8))))


def write_training(folder, digest="training digest"):
    """A data set whose training split is what `write_run` says it was trained on."""
    write_data(folder, moving_squares(20, seed=5), "train")
    card = json.loads((folder / "card.json").read_text())
    card["splits"]["train"]["digest"] = digest
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    write_run(root / "run", (10, 20), {10: 5.0, 20: 4.0}, TWO_STEPS)
    (root / "run" / "data.json").write_text(json.dumps({"folder": str(write_training(root / "training"))}))
    write_data(root / "data", CLIPS)
    return root


@pytest.fixture(scope="module")
def measured(folders):
    config = EvaluateConfig(folders / "run", folders / "data", folders / "r.json", steps=("10",), fit_clips=16)
    return config, evaluate(config, say=lambda line: None)


def bundle_of(config):
    (path,) = config.out.with_name("r_bundles").glob("step_10_*.safetensors")
    return path


def test_bytes_and_quality_are_those_of_files_that_the_libraries_encoder_and_decoder_make(measured, tmp_path):
    config, result = measured
    files = result["checkpoints"][0]["files"]
    bundle = load_model(bundle_of(config))
    sizes, psnr, ssim = [], [], []
    for number, clip in enumerate(CLIPS):
        path = tmp_path / f"{number}.msv"
        Encoder(bundle).encode(clip, path, Fraction(16))
        sizes.append(path.stat().st_size)
        with Decoder(load_model(bundle_of(config)), path) as decoder:
            pairs = list(zip(clip, decoder.frames(), strict=True))
        psnr.append(np.mean([peak_signal_noise_ratio(a, b, data_range=255) for a, b in pairs]))
        ssim.append(np.mean([structural_similarity(a, b, channel_axis=-1, data_range=255) for a, b in pairs]))
    assert files["bytes"] == sizes and files["clip_ids"] == result["data"]["clip_ids"] and files["clips"] == 5
    assert files["bpp"] == pytest.approx(8 * np.mean(sizes) / np.prod(CLIP))
    np.testing.assert_allclose(files["clip_psnr"], psnr, atol=1e-3)
    np.testing.assert_allclose(files["clip_ssim"], ssim, atol=1e-4)
    assert files["psnr"] == pytest.approx(np.mean(psnr), abs=1e-3)
    assert files["ssim"] == pytest.approx(np.mean(ssim), abs=1e-4)
    assert files["bundle"] == bundle.digest and files["fitted_on"] == 16
    assert bundle.origin["checkpoint"] == result["checkpoints"][0]["digest"]
    rows = list(csv.DictReader(io.StringIO(config.out.with_suffix(".csv").read_text())))
    assert [int(row["file_bytes"]) for row in rows] == sizes


def test_the_decoder_has_the_file_and_nothing_of_the_encoder(measured, monkeypatch):
    config, _ = measured
    coder, encode = ModelCoder(bundle_of(config), 16.0), ModelCoder.encode
    shown = []
    monkeypatch.setattr(ModelCoder, "encode", lambda self, clip, path: encode(self, CLIPS[0], path))
    decode = coder.decode
    monkeypatch.setattr(coder, "decode", lambda *arguments: (shown.append(decode(*arguments)), shown[-1])[1])
    clips = open_split(config.data, "test")
    _, quality = measure_files(coder, clips, [1], ClipMeasure())
    frames = shown[0][0]
    expected = np.mean([peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(CLIPS[1], frames, strict=True)])
    assert quality["mean"]["psnr"] == pytest.approx(expected, abs=1e-3)


def test_a_second_call_neither_measures_nor_fits_again_and_another_clip_count_uses_the_kept_bundle(
    measured, monkeypatch
):
    config, result = measured
    monkeypatch.setattr(bundles, "export_bundle", lambda *_, **__: pytest.fail("fitted again"))
    content = config.out.read_bytes()
    evaluate(config, say=lambda line: None)
    assert config.out.read_bytes() == content
    other = replace(config, files=2, out=config.out.with_name("r.json"))
    files = evaluate(other, say=lambda line: None)["checkpoints"][0]["files"]
    assert files["clip_ids"] == [result["data"]["clip_ids"][row] for row in (0, 2)]
    assert files["bytes"] == [result["checkpoints"][0]["files"]["bytes"][row] for row in (0, 2)]
    config.out.write_bytes(content)


def test_files_0_says_so_and_a_later_call_adds_them_without_measuring_the_rest_again(folders, measured, monkeypatch):
    config = replace(measured[0], out=folders / "later.json", files=0)
    entry = evaluate(config, say=lambda line: None)["checkpoints"][0]
    assert entry["files"] is None and "not asked for" in entry["files_reason"]
    monkeypatch.setattr(EvaluationJob, "_entry", lambda *_: pytest.fail("measured again"))
    added = evaluate(replace(config, files=1), say=lambda line: None)["checkpoints"][0]
    assert added["quality"] == entry["quality"]
    assert added["files"]["bytes"] == measured[1]["checkpoints"][0]["files"]["bytes"][:1]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda run, _: (run / "data.json").unlink(), "does not say where its data are"),
        (lambda run, _: (run / "data.json").write_text('{"folder": "/gone"}'), "which is gone"),
        (lambda run, tmp: note(run, write_training(tmp / "t", "other")), "is not what the run was trained on"),
    ],
)
def test_without_the_training_clips_files_are_null_with_the_reason_and_the_rest_is_measured(tmp_path, spoil, reason):
    write_run(tmp_path / "run")
    note(tmp_path / "run", tmp_path)
    spoil(tmp_path / "run", tmp_path)
    said = []
    config = EvaluateConfig(tmp_path / "run", write_data(tmp_path / "data", CLIPS[:1]), tmp_path / "r.json")
    entry = evaluate(config, said.append)["checkpoints"][0]
    assert entry["files"] is None and reason in entry["files_reason"] and entry["quality"]["mean"]["psnr"] > 0
    assert any(reason in line for line in said)


def note(run, folder):
    (run / "data.json").write_text(json.dumps({"folder": str(folder)}))


def test_several_runs_steps_and_bundles_come_into_one_table(folders, measured, tmp_path, capsys):
    config, _ = measured
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(bundle_of(config).read_bytes())
    command = EvaluateCommand(
        run=(folders / "run",),
        bundle=(copy,),
        data=folders / "data",
        out=tmp_path / "out",
        steps=("20", "best"),
        fit_clips=16,
    )
    main(command)
    printed = capsys.readouterr().out
    rows = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [(row["name"], row["step"]) for row in rows] == [("run", 10), ("run", 20), ("mine", 10)]
    assert (tmp_path / "out" / "table.md").read_text() in printed
    assert printed.count("| run | step |") == 1
    of_run, of_bundle = rows[0], rows[2]
    entries = read_result(tmp_path / "out" / "mine.json")["checkpoints"]
    assert of_bundle["file_bpp"] == of_run["file_bpp"] == entries[0]["files"]["bpp"]
    # A bundle's figures are all of its files; the run's are of the model, whose weights are not rounded.
    assert of_bundle["psnr"] == of_bundle["file_psnr"] == of_run["file_psnr"]
    assert of_run["psnr"] == pytest.approx(of_run["file_psnr"], abs=0.5)
    with (tmp_path / "out" / "table.csv").open() as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["run", "run", "mine"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "run='' is not allowed"),
        ({"run": ("a", "b"), "out": "x.json"}, "expected a folder, for there are several"),
        ({"run": ("a", "b"), "watch": True}, "expected one run alone"),
        ({"bundle": ("edge",)}, "give them with --data"),
        ({"run": ("a/x", "b/x"), "data": "d"}, "two of what is measured are called x"),
        ({"run": ("a",), "files": -1}, "files=-1 is not allowed"),
        ({"run": ("a",), "fit_clips": 0}, "fit_clips=0 is not allowed"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(options, message):
    paths = {k: tuple(map(Path, v)) if isinstance(v, tuple) else v for k, v in options.items()}
    paths |= {k: Path(v) for k, v in paths.items() if k in ("out", "data")}
    with pytest.raises(UserError, match=message):
        main(EvaluateCommand(**paths))


def test_a_bundle_without_files_leaves_nothing_to_measure(measured, tmp_path):
    config, _ = measured
    with pytest.raises(UserError, match="leave --files 0 out"):
        evaluate(EvaluateConfig(bundle_of(config), config.data, tmp_path / "b.json", files=0))
    assert not (tmp_path / "b.json").exists()
