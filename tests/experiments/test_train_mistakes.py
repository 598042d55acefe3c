"""What a user can get wrong: one line, exit code 2, and no run folder half made."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from training_runs import command, example_splits, write_npy

from experiments import train
from vqvae_jax.errors import run_command
from vqvae_jax.training.claim import claimed


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_npy(tmp_path_factory.mktemp("npy") / "data", example_splits())


@pytest.fixture
def refused(data, tmp_path, monkeypatch, capsys):
    """Runs the program's `main` here, which must end with exit code 2; gives the line on standard error."""
    monkeypatch.delenv("VQVAE_JAX_WEIGHTS", raising=False)

    def run(*options, data=data, run=tmp_path / "run"):
        before = sorted(run.rglob("*"))
        monkeypatch.setattr(sys, "argv", command(data, run, *options)[2:])
        with pytest.raises(SystemExit) as left:
            run_command("train", train.main)
        assert left.value.code == 2
        assert sorted(run.rglob("*")) == before
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("train: ")
        return line

    return run


def test_a_missing_data_set(refused, tmp_path):
    assert f"data set {tmp_path / 'none'} does not exist" in refused(data=tmp_path / "none")


@pytest.mark.parametrize("missing", ["train", "validation"])
def test_a_missing_split(refused, tmp_path, missing):
    splits = {name: clips for name, clips in example_splits().items() if name != missing}
    folder = write_npy(tmp_path / "data", splits)
    assert f"split '{missing}' of {folder} does not exist; splits with clips: " in refused(data=folder)


def test_an_empty_validation_split_says_how_to_do_without(refused, tmp_path):
    splits = example_splits()
    folder = write_npy(tmp_path / "data", splits | {"validation": splits["validation"][:0]})
    said = refused(data=folder)
    assert "is empty" in said and "--training.validation-clips 0 trains without validation" in said


def test_a_perceptual_loss_without_its_weights(refused):
    said = refused("--loss.gamma", "0.4")
    assert "--vgg-weights" in said and "VQVAE_JAX_WEIGHTS" in said


def test_a_batch_that_micro_batches_or_the_split_cannot_fill(refused):
    assert "training.microbatches=3" in refused("--training.microbatches", "3")
    assert "data.batch_size=16 is more than the 13 clips" in refused("--data.batch-size", "16")


def test_a_clip_size_that_the_strides_do_not_divide(refused, tmp_path):
    splits = {name: np.ascontiguousarray(clips[:, :, :, :12]) for name, clips in example_splits().items()}
    folder = write_npy(tmp_path / "data", splits)
    assert f"data set {folder}: width=12 must be a multiple of 8" in refused(data=folder)


def test_more_frames_than_the_clips_have(refused):
    said = refused("--data.frames", "16", "--model.clip", "16", "16", "16")
    assert "data.frames=16" in said and "have 8 frames" in said


def test_a_run_folder_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("x")
    assert f"{tmp_path / 'file'} is not a folder" in refused(run=tmp_path / "file" / "run")
    assert "cannot be written" in refused(run=Path("/proc/self/run"))  # where `os.access` tells the superuser yes


def test_a_run_that_another_program_trains_is_refused_before_anything_is_compiled(refused, tmp_path, monkeypatch):
    monkeypatch.setattr("vqvae_jax.training.compiled.compile_step", lambda *_: pytest.fail("compiled"))
    with claimed(tmp_path / "run"):
        assert f"run {tmp_path / 'run'} is being trained: process {os.getpid()} on host" in refused()


def test_a_folder_with_other_things_is_no_run(refused, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "model.md").write_text("x")
    assert "holds other things (model.md" in refused(run=tmp_path / "docs")


def test_processes_without_a_meeting_place_or_with_a_wrong_number(refused):
    assert "need --coordinator" in refused("--processes", "2")
    assert "--process-id 2 must be one of 0 ... 1" in refused(
        "--coordinator", "127.0.0.1:1", "--processes", "2", "--process-id", "2"
    )


@pytest.mark.parametrize("typed", [["--steps", "0"], ["--steps=-3"], ["--training.steps", "0"]])
def test_no_steps_at_all(refused, typed):
    assert "at least 1" in (said := refused(*typed)) or "would train for epochs, 50 of them" in said


def test_epochs_may_be_asked_for_in_place_of_an_experiments_steps():
    words = ["tiny", "--data", "d", "--run", "r", "--training.steps", "0", "--training.epochs", "3"]
    assert train.parse_command(words)[1].training.total_steps(40, 4) == 30


def test_a_run_to_start_from_that_is_none(refused, tmp_path):
    assert "there is no such run" in refused("--init-from", str(tmp_path / "none"))


def main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["train", *arguments])
    with pytest.raises(SystemExit) as left:
        run_command("train", train.main)
    return left.value.code


def test_help_lists_experiments_then_every_option_of_one(monkeypatch, capsys):
    assert main(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    assert "NAME is one of" in said and "msvqvae_k512" in said and "tiny" in said
    assert main(monkeypatch, "tiny", "--help") == 0
    said = capsys.readouterr().out
    for option in ("--data", "--run", "--init-from", "--model.width", "--training.steps", "--optimizer.learning-rate"):
        assert option in said
    assert "[default: 0.0015]" in said.replace("(", "[").replace(")", "]")  # tiny's own, not the paper's


def test_unknown_names_options_and_values_end_with_exit_code_2(monkeypatch, capsys):
    assert main(monkeypatch, "tinny", "--data", "d", "--run", "r") == 2
    assert "no experiment is called 'tinny'" in capsys.readouterr().err
    assert main(monkeypatch) == 2
    assert "give the experiment's name first" in capsys.readouterr().err
    assert main(monkeypatch, "tiny", "--data", "d", "--run", "r", "--model.widht", "8") == 2
    assert "--model.width" in capsys.readouterr().err
    assert main(monkeypatch, "tiny", "--data", "d", "--run", "r", "--model.width", "0") == 2
    assert "model.width=0 is not allowed" in capsys.readouterr().err
    assert main(monkeypatch, "tiny", "--data", "d") == 2
    assert "--run" in capsys.readouterr().err
