"""What the evaluation job refuses: files of something else, other clips, what is missing."""

import json
import shutil
from dataclasses import replace

import pytest
from example_run import EXPERIMENT, moving_squares, write_data, write_run
from stand_in import run, steps_in

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.schema import VERSION


def other_clips(config):
    shutil.rmtree(config.data)
    write_data(config.data, moving_squares(6))


def other_run(config):
    shutil.rmtree(config.run)
    write_run(config.run, experiment=replace(EXPERIMENT, optimizer=replace(EXPERIMENT.optimizer, b1=0.5)))


def same_config_other_weights(config):
    content = json.loads(config.out.read_text())
    content["checkpoints"][0]["digest"] = "of another state"
    config.out.write_text(json.dumps(content))


def cut(config):
    config.out.write_text(config.out.read_text()[:-100])


def foreign_json(config):
    config.out.write_text('{"loss": 1}')


def field_of_a_wrong_type(config):
    config.out.write_text(config.out.read_text().replace('"step": 10', '"step": "ten"'))


def newer_version(config):
    config.out.write_text(config.out.read_text().replace(f'"version": {VERSION}', f'"version": {VERSION + 1}'))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_clips, "another data set .*--force"),
        (other_run, "another run .*--force"),
        (same_config_other_weights, "step 10 of another run with the same configuration.*--force"),
        (cut, "not a JSON file"),
        (foreign_json, "not an evaluation"),
        (field_of_a_wrong_type, r"checkpoints\[0\]\.step: expected int, found 'ten'"),
        (newer_version, f"version {VERSION + 1}"),
    ],
)
def test_a_file_of_something_else_is_left_alone_unless_forced(config, change, message):
    run(config)
    change(config)
    content = config.out.read_bytes()
    with pytest.raises(UserError, match=message):
        run(config)
    assert config.out.read_bytes() == content
    run(replace(config, force=True))
    assert steps_in(config)[0] == 10


def test_another_number_of_clips_is_another_clip_set(config):
    run(config)
    with pytest.raises(UserError, match=r"another number of clips \(5 clips; now 2 clips\)"):
        run(replace(config, clips=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "nowhere"}, "run .*nowhere does not exist"),
        ({"run": "data"}, "is not a run: it has neither checkpoints/ nor config.json"),
        ({"run": "new_run"}, "no checkpoint yet; wait for the first one, or pass --watch"),
        ({"data": "nowhere"}, "data set .*nowhere does not exist"),
        ({"split": "validation"}, r"split 'validation' .* does not exist; splits with clips: test \(5 clips\)"),
        ({"split": "empty"}, "split 'empty' .* is empty"),
        ({"steps": ("7",)}, "no checkpoint of step 7"),
        ({"steps": ("best",), "run": "unvalidated"}, "no checkpoint of .* has a finite PSNR"),
        ({"vgg_weights": "nothing.npz"}, "nothing.npz"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_written(config, tmp_path, change, message):
    (tmp_path / "new_run" / "checkpoints").mkdir(parents=True)
    shutil.copytree(config.run, tmp_path / "unvalidated")
    for step in (10, 20):
        shutil.rmtree(tmp_path / "unvalidated" / "checkpoints" / str(step))
    change = {k: v if k in ("split", "steps") else tmp_path / v for k, v in change.items()}
    with pytest.raises(UserError, match=message):
        run(replace(config, **change))
    assert not config.out.parent.exists()


def test_files_beside_it_that_no_evaluation_explains_are_not_replaced(config):
    config.out.parent.mkdir()
    config.out.with_suffix(".csv").write_text("mine")
    with pytest.raises(UserError, match=r"r\.csv exists and .*r\.json does not"):
        run(config)
    assert config.out.with_suffix(".csv").read_text() == "mine"


def test_clips_that_the_strides_do_not_divide_are_refused_with_the_multiple(finished_run, tmp_path):
    data = write_data(tmp_path / "data", moving_squares(2, (4, 16, 20)))
    with pytest.raises(UserError, match=r"split 'test' of .*width=20 must be a multiple of 8"):
        run(EvaluateConfig(finished_run, data, tmp_path / "r.json"))
    assert not (tmp_path / "r.json").exists()
