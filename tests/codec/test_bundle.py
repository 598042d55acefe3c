"""A bundle comes back as it went in, and is refused by name when anything about it is not as it was."""

import json
import pickletools
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.codec.example_bundle import (
    MODELS,
    example_codebooks,
    example_contexts,
    example_params,
    example_tables,
    save_example,
)
from vqvae_jax.codec import bundle as bundle_module
from vqvae_jax.codec.bundle import save_bundle
from vqvae_jax.codec.interface import Options, VideoInfo
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model
from vqvae_jax.msvqvae.codec.weights import pack_weights
from vqvae_jax.msvqvae.named import TINY_MODEL
from vqvae_jax.training.digests import leaf_digests


@pytest.mark.parametrize("weights", ["bfloat16", "float32"])
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("contexts", [False, True])
def test_a_bundle_comes_back_as_it_went_in(tmp_path, levels, weights, contexts):
    path = tmp_path / "a.safetensors"
    digest = save_example(path, levels, contexts, weights=weights)
    loaded, model = load_model(path), MODELS[levels]
    facts = loaded.name, loaded.weights.config, loaded.digest, loaded.origin
    assert facts == (f"example-{levels}", model, digest, {"step": 7})
    assert loaded.identity == bytes.fromhex(digest)[:8]
    # The formula's weights are exact in bfloat16.
    assert leaf_digests(loaded.weights.params) == leaf_digests(example_params(model))
    assert leaf_digests(loaded.weights.codebooks) == leaf_digests(example_codebooks(model))
    for level, arrays in (example_contexts if contexts else example_tables)(model).items():
        for field, expected in arrays._asdict().items():
            np.testing.assert_array_equal(getattr(loaded.weights.tables[level].arrays, field), expected)


def test_a_context_model_must_lean_on_the_level_that_there_is(tmp_path):
    save_example(tmp_path / "a.safetensors")
    changes = {"tables/bottom/coarse": np.zeros((9, 5), np.int8)}
    path = rewritten(tmp_path / "a.safetensors", tmp_path / "b.safetensors", changes, True, {})
    with pytest.raises(UserError, match=r"b.safetensors: tables of level bottom lean on 8 coarser codes, not 16"):
        load_model(path)


def test_bfloat16_weights_are_rounded_to_nearest(tmp_path):
    model, path = MODELS[2], tmp_path / "a.safetensors"
    params = jax.tree.map(lambda leaf: leaf * 1.2345678, example_params(model))
    save_bundle(path, pack_weights("x", model, params, example_codebooks(model), example_contexts(model), {}))
    for stored, exact in zip(jax.tree.leaves(load_model(path).weights.params), jax.tree.leaves(params), strict=True):
        assert stored.dtype == jnp.float32
        np.testing.assert_array_equal(stored, exact.astype(jnp.bfloat16).astype(jnp.float32))


def test_the_same_model_has_the_same_digest_and_another_weight_another(tmp_path):
    model = MODELS[2]

    def digest(name, params):
        return pack_weights(name, model, params, example_codebooks(model), example_contexts(model), {}).digest

    params = example_params(model)
    changed = jax.tree.map(jnp.array, params)
    leaves, structure = jax.tree.flatten(changed)
    leaves[0] = leaves[0].at[(0,) * leaves[0].ndim].add(0.5)
    # Names are for people; they are no part of what a file is coded with.
    assert digest("a", params) == digest("b", params) != digest("c", jax.tree.unflatten(structure, leaves))


def test_the_file_holds_plain_tensors_and_no_pickle(bundle_file):
    with safe_open(bundle_file, framework="numpy") as file:
        kinds = {key.split("/")[0]: str(file.get_tensor(key).dtype) for key in file.keys()}  # noqa: SIM118
    assert kinds["weights"] == "uint16" and kinds["codebooks"] == "float32"
    with pytest.raises(ValueError):
        list(pickletools.genops(bundle_file.read_bytes()))
    source = Path(bundle_module.__file__).read_text()
    assert "pickle" not in source


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_text("precious")
    with pytest.raises(UserError, match=r"exists already; choose another name or overwrite it$"):
        save_example(path)
    assert path.read_text() == "precious"
    save_example(path, overwrite=True)
    load_model(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]


def rewritten(source, target, changes, signed, metadata):
    """A copy with tensors and metadata changed (None: left out); `signed`: list and digest fit again."""
    with safe_open(source, framework="numpy") as file:
        described = file.metadata()
    content = {**load_file(source), **changes}
    content = {key: value for key, value in content.items() if value is not None}
    described = {key: value for key, value in {**described, **metadata}.items() if value is not None}
    if signed:
        listed = {key: f"{value.dtype.name}{list(value.shape)}" for key, value in content.items()}
        described["tensors"] = json.dumps(listed)
        described["digest"] = bundle_module._digest(
            described.get("format_version"), "", described.get("model"), content
        )
    save_file(content, target, described)
    return target


FOUND_IN_USE = ("a missing weight", "one tensor too many")
WEIGHT = "weights/params/decoder_in/bias"
CODES = "codebooks/top/embeddings"


def refusals():
    """Name of the case: (tensors, metadata, whether list and digest fit, what the message says)."""
    nan = np.full((16, 4), np.nan, np.float32)
    return {
        "a newer format": ({}, {"format_version": "4"}, False, "bundle format '4'; this program reads 1, 2 and 3"),
        "a family where none is named": ({}, {"family": "other"}, False, "bundle format 2 of family 'other'"),
        "no family where one must be": ({}, {"format_version": "3"}, False, "bundle format 3 of family ''"),
        "tables of the other format": (
            {},
            {"format_version": "1"},
            True,
            "tensor tables/top/previous_rows is missing",
        ),
        "no format version": ({}, {"format_version": None}, True, "bundle format None"),
        "another program's": ({}, {"format": "pt"}, False, "is not a bundle of vqvae_jax"),
        "a missing tensor": ({CODES: None}, {}, False, f"tensor {CODES} is missing"),
        "a missing tensor, unlisted": ({CODES: None}, {}, True, f"tensor {CODES} is missing"),
        "a missing weight": ({WEIGHT: None}, {}, True, f"tensor {WEIGHT} is missing"),
        "a missing table": ({"tables/top/repeat": None}, {}, True, "tensor tables/top/repeat is missing"),
        "another shape": (
            {CODES: np.zeros((16, 5), np.float32)},
            {},
            False,
            rf"tensor {CODES} is float32\[16, 5\], not",
        ),
        "another shape, listed": (
            {CODES: np.zeros((16, 5), np.float32)},
            {},
            True,
            rf"{CODES} is not float32\[16, 4\]",
        ),
        "another type": ({CODES: np.zeros((16, 4), np.float64)}, {}, True, rf"{CODES} is not float32\[16, 4\]"),
        "other values": ({CODES: np.zeros((16, 4), np.float32)}, {}, False, "digest does not fit"),
        "another model": ({}, {"model": "{}"}, False, "digest does not fit"),
        "no digest": ({}, {"digest": None}, False, "digest does not fit"),
        "codes that are no numbers": ({CODES: nan}, {}, True, "of finite values"),
        "weights that are no numbers": (
            {WEIGHT: np.full(8, 0x7FC0, np.uint16)},
            {},
            True,
            f"{WEIGHT} .*of finite values",
        ),
        "one tensor too many": (
            {"weights/extra": np.zeros(3, np.float32)},
            {},
            True,
            "tensor weights/extra: no part of this model",
        ),
        "a model that is none": ({}, {"model": '{"width": 0}'}, True, "model.width=0"),
        "a model that is no JSON": ({}, {"model": "{"}, True, "metadata model is no JSON"),
        "a list that is no object": ({}, {"tensors": "[]"}, False, "metadata tensors is no JSON object"),
        "a field that does not exist": ({}, {"model": '{"depth": 1}'}, True, "unknown field 'depth'"),
        "an impossible table": ({"tables/top/repeat": np.zeros(1944, np.uint16)}, {}, True, "probability 0"),
        "a flat table": ({"tables/top/activity": np.zeros((), np.uint8)}, {}, True, "context model: activity"),
        "weights of text": ({WEIGHT: np.zeros(8, np.int8)}, {}, True, f"tensor {WEIGHT}"),
    }


@pytest.mark.parametrize("case", refusals())
def test_is_refused_by_name(tmp_path, bundle_file, case):
    tensors, metadata, signed, message = refusals()[case]
    path = rewritten(bundle_file, tmp_path / "changed.safetensors", tensors, signed, metadata)
    with pytest.raises(UserError, match=message) as error:
        model = load_model(path)
        # That a weight lacks is found when the model is used, for only then its structure is computed.
        assert case in FOUND_IN_USE
        model.encoder(VideoInfo(16, 16, 16, 16, Fraction(16)), Options())
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [None, (8, 2)], ids=["missing", "another shape"])
def test_a_decoder_names_the_weight_that_does_not_fit(tmp_path, bundle_file, shape):
    changes = {WEIGHT: None if shape is None else np.zeros(shape, np.uint16)}
    path = rewritten(bundle_file, tmp_path / "changed.safetensors", changes, True, {})
    indices = {"top": np.zeros((1, 2, 2), int), "bottom": np.zeros((2, 4, 4), int)}
    with pytest.raises(
        UserError, match=rf"changed.safetensors: tensor {WEIGHT} is .*; export the bundle again"
    ) as error:
        load_model(path).decode(indices)
    assert "\n" not in str(error.value)


def test_a_foreign_safetensors_file_is_told_apart(tmp_path):
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="is not a bundle of vqvae_jax; make one with"):
        load_model(tmp_path / "foreign.safetensors")


@pytest.mark.parametrize("name", ["nothing.safetensors", "."])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(UserError, match=r"bundle .* (does not exist|is not a file); `vqvae-jax export"):
        load_model(tmp_path / name)


def test_a_file_cut_anywhere_is_refused(tmp_path, bundle_file):
    data, path = bundle_file.read_bytes(), tmp_path / "cut.safetensors"
    for size in [*range(12), *range(12, len(data), 997), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(UserError, match=r"no readable \.safetensors file"):
            load_model(path)


def test_any_flipped_bit_that_matters_is_refused(tmp_path, bundle_file):
    data, path = bundle_file.read_bytes(), tmp_path / "flipped.safetensors"
    content = int.from_bytes(data[:8], "little") + 8
    for bit in [*range(0, 8 * content, 1399), *range(8 * content, 8 * len(data), 9973)]:
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            loaded = load_model(path)
        except UserError as error:
            assert "\n" not in str(error)
        else:
            # What the digest leaves out: its name and where it comes from.
            assert bit < 8 * content and loaded.digest == load_model(bundle_file).digest


@pytest.mark.slow
def test_a_model_of_ordinary_size_loads_without_a_loop_over_its_numbers(tmp_path):
    """It makes 300,000 calls, a fifth of a second; its weights alone are 1.5 million numbers."""
    path = tmp_path / "tiny.safetensors"
    content = (TINY_MODEL, example_params(TINY_MODEL), example_codebooks(TINY_MODEL), example_contexts(TINY_MODEL))
    save_bundle(path, pack_weights("tiny", *content, {}))

    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        load_model(path)
    finally:
        sys.setprofile(None)
    assert calls < 1_000_000


def test_a_field_that_came_later_is_written_only_where_it_says_something(tmp_path):
    model = MODELS[2]
    for unit in (False, True):
        path = tmp_path / f"{unit}.safetensors"
        changed = replace(model, unit_codes=unit)
        parts = example_params(model), example_codebooks(model), example_contexts(model)
        save_bundle(path, pack_weights("example", changed, *parts, {}))
        assert load_model(path).weights.config == changed
        assert (b"unit_codes" in path.read_bytes()) == unit
