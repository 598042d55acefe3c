import json

import pytest

from experiments import configs
from vqvae_jax.config import to_dict
from vqvae_jax.errors import UserError
from vqvae_jax.training.resume import (
    MAY_CHANGE,
    check_resumable,
    check_same_frozen,
    frozen_file,
    write_json,
)
from vqvae_jax.training.task import Frozen


@pytest.fixture
def config():
    return to_dict(configs.load("tiny"))


def changed(config, field, value):
    copy = json.loads(json.dumps(config))
    branch = copy
    *parents, last = field.split(".")
    for parent in parents:
        branch = branch[parent]
    assert last in branch
    branch[last] = value
    return copy


def test_nothing_changed_says_nothing(config, tmp_path):
    assert check_resumable(config, json.loads(json.dumps(config)), tmp_path) == []


@pytest.mark.parametrize("field", sorted(MAY_CHANGE))
def test_what_may_change_is_a_field_and_is_reported(config, tmp_path, field):
    (line,) = check_resumable(config, changed(config, field, 12345), tmp_path)
    assert line.startswith(f"{field}: ") and line.endswith("-> 12345")


@pytest.mark.parametrize(
    "field",
    [
        "model.width",
        "model.bottom.codes",
        "optimizer.learning_rate",
        "data.batch_size",
        "data.seed",
        "loss.beta",
        "training.seed",
        "training.microbatches",
        "quantizer.decay",
        "training.validation_clips",
    ],
)
def test_what_makes_another_run_is_refused_by_name(config, tmp_path, field):
    with pytest.raises(UserError, match=f"was started with {field}=.*, not 12345; give the same option"):
        check_resumable(config, changed(config, field, 12345), tmp_path)


def test_another_experiment_is_named_before_its_fields(config, tmp_path):
    other = changed(changed(config, "data.batch_size", 2), "name", "vqvae2")
    with pytest.raises(UserError, match="is a 'tiny', not a 'vqvae2'"):
        check_resumable(config, other, tmp_path)


def test_a_field_that_only_one_side_has_is_refused(config, tmp_path):
    without = {name: value for name, value in config.items() if name != "quantizer"}
    with pytest.raises(UserError, match="started with quantizer"):
        check_resumable(without, config, tmp_path)


def test_a_run_from_before_families_were_named_goes_on(config, tmp_path):
    assert check_resumable(config, {"family": "msvqvae"} | config, tmp_path) == []
    with pytest.raises(UserError, match="started with family='other', not 'msvqvae'"):
        check_resumable({"family": "other"} | config, {"family": "msvqvae"} | config, tmp_path)


def test_another_frozen_network_is_another_objective(tmp_path):
    aa, bb = {"vgg": Frozen("aa", "")}, {"vgg": Frozen("bb", "")}
    check_same_frozen(aa, tmp_path)
    write_json(frozen_file(tmp_path, "vgg"), aa["vgg"]._asdict())
    check_same_frozen(aa, tmp_path)
    check_same_frozen({}, tmp_path)
    with pytest.raises(UserError, match="vgg weights aa, not bb; give the same --vgg-weights"):
        check_same_frozen(bb, tmp_path)
    frozen_file(tmp_path, "vgg").write_text("{")
    with pytest.raises(UserError, match=r"vgg\.json is damaged"):
        check_same_frozen(aa, tmp_path)


def test_json_appears_by_one_rename_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "run" / "config.json"
    write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(UserError, match=r"config\.json: cannot be written \(No space left"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
