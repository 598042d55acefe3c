import copy
import typing
from pathlib import Path

import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.result_file import (
    check_continues,
    check_schema,
    read_result,
    write_result,
)
from vqvae_jax.evaluation.schema import SCHEMA, VERSION, Result

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def made_up(hint):
    """The smallest value of a schema type."""
    arguments = typing.get_args(hint)
    if typing.is_typeddict(hint):
        return {name: made_up(field) for name, field in typing.get_type_hints(hint).items()}
    if typing.get_origin(hint) in (list, dict):
        return [made_up(arguments[0])] if typing.get_origin(hint) is list else {"a": made_up(arguments[1])}
    return made_up(arguments[0]) if arguments else {str: "x", object: "x", int: 1, float: 0.5}[hint]


@pytest.fixture
def result():
    return made_up(Result) | {"schema": SCHEMA, "version": VERSION}


def with_trunk(result, digest, means=(1.0, 1.0, 1.0)):
    changed = copy.deepcopy(result)
    changed["perceptual"] |= {"trunk": digest, "layer_means": None if digest is None else list(means)}
    return changed


def test_what_is_written_is_read_back(result, tmp_path):
    write_result(tmp_path / "r.json", result)
    assert read_result(tmp_path / "r.json") == result
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_lists_that_are_not_one_entry_per_clip_are_refused(result, tmp_path):
    result["checkpoints"][0]["quality"]["clips"]["ssim"] = [0.5, 0.5]
    write_result(tmp_path / "r.json", result)
    with pytest.raises(UserError, match=r"step 1\.quality\.clips\.ssim has 2 entries for 1 clips"):
        read_result(tmp_path / "r.json")


def test_numbers_that_json_cannot_hold_are_never_written(result, tmp_path):
    result["checkpoints"][0]["seconds"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_result(tmp_path / "r.json", result)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r["data"].pop("digest"), r"r\.json: data: not as the schema says; missing or unknown: \['digest'\]"),
        (lambda r: r.update(extra=1), r"r\.json: content: .* missing or unknown: .'extra'"),
        (lambda r: r["data"].update(clip_ids="x"), r"data\.clip_ids: expected a list, found 'x'"),
        (lambda r: r["data"].update(clips_in_split=True), r"clips_in_split: expected int, found True"),
        (lambda r: r["checkpoints"][0]["quality"]["mean"].update(psnr=None), r"psnr: expected float, found None"),
        (lambda r: r["checkpoints"][0].update(without=[]), r"without: expected an object, found \[\]"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(result, spoil, message):
    check_schema(result, Result, "r.json")
    spoil(result)
    with pytest.raises(UserError, match=message):
        check_schema(result, Result, "r.json")


@pytest.mark.parametrize("digest", ["b" * 64, None])
def test_perceptual_distances_of_another_trunk_never_join_a_file(result, digest):
    old = with_trunk(result, "a" * 64)
    check_continues(Path("r.json"), old, copy.deepcopy(old))
    with pytest.raises(UserError, match=r"another perceptual trunk \(aaaaaaaaaaaa... .*--force"):
        check_continues(Path("r.json"), old, with_trunk(result, digest))


def fields(hint):
    """All field names of a schema type, nested ones too."""
    if typing.is_typeddict(hint):
        for name, field in typing.get_type_hints(hint).items():
            yield name
            yield from fields(field)
    for argument in typing.get_args(hint):
        yield from fields(argument)


def test_every_field_is_documented():
    assert {"clip_bytes", "psnr_by_position", "clip_ssim", "lossless_frames"} <= set(fields(Result))
    page = PAGE.read_text()
    missing = sorted(name for name in set(fields(Result)) if f"`{name}`" not in page)
    assert not missing
