"""Encoder and decoder know no family: what a family of eighty lines needs is there, in memory as on disk."""

import io
import random
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from tests.codec import toy_family
from tests.codec.example_bundle import moving
from tests.codec.fuzzing import memory_ceiling
from tests.container.mend import mend
from tests.container.mutate import mutate
from vqvae_jax.cli.info import describe
from vqvae_jax.codec.bundle import make_bundle, read_bundle, save_bundle
from vqvae_jax.codec.decoder import GREY, Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.errors import UserError
from vqvae_jax.families import FAMILIES, load_model

MODEL = toy_family.Model()
CLIP = moving(13, 9, 15)


@pytest.fixture
def data():
    memory = io.BytesIO()
    result = Encoder(MODEL).encode(CLIP, memory, Fraction(25), source_size=(30, 9))
    assert result.bytes == len(memory.getvalue()) and result.chunks == 3 and result.payload_bytes["mean"] == 1
    return memory.getvalue()


def test_frames_come_back_from_memory_and_from_a_path(data, tmp_path):
    path = tmp_path / "a.msv"
    seen = []
    Encoder(MODEL).encode(iter(CLIP), path, Fraction(25), (30, 9), on_chunk=seen.append)
    assert path.read_bytes() == data and seen == [5, 10, 13]
    for source in (path, data, io.BytesIO(data)):
        with Decoder(MODEL, source) as decoder:
            assert decoder.layers == ("coarse", "rest") and decoder.reader.header.family_header == b"toy"
            np.testing.assert_array_equal(list(decoder.frames()), CLIP)
            np.testing.assert_array_equal(list(decoder.frames(4, 7)), CLIP[4:11])


def test_a_layer_is_decoded_without_reading_the_other_parts(data):
    with Decoder(MODEL, data) as decoder:
        opened = decoder.reader.bytes_read
        sizes = [decoder.reader.part_sizes(chunk)["coarse"] for chunk in range(3)]
        read = decoder.reader.bytes_read
        frames = np.array(list(decoder.frames(level="coarse")))
        np.testing.assert_array_equal(frames[:, ::2, ::2], CLIP[:, ::2, ::2])
        assert opened < read and decoder.reader.bytes_read - read <= sum(sizes) + 3 * (9 + 4)
        with pytest.raises(UserError, match="no level 'top'; it has coarse, rest"):
            next(decoder.frames(level="top"))


def test_a_chunk_that_only_decoding_finds_wrong_is_skipped_as_any_damage(data):
    changed = bytearray(data)
    with Decoder(MODEL, data) as decoder:
        at = data.index(decoder.reader.read_chunk(1)["rest"])
    changed[at + 5] ^= 0xFF
    with Decoder(MODEL, mend(bytes(changed))) as decoder:
        frames = list(decoder.frames(on_error="skip"))
        assert list(decoder.damaged) == [1] and "chunk 1: no frames" in decoder.damaged[1]
        np.testing.assert_array_equal(frames, [*CLIP[:5], *[CLIP[4]] * 5, *CLIP[10:]])
        with pytest.raises(UserError, match=r"chunk 1: no frames .*; --on-error skip"):
            list(decoder.frames())


def test_a_damaged_head_chunk_costs_the_file(data):
    with Decoder(MODEL, data) as decoder:
        at = len(decoder.reader._header_bytes)
    changed = bytearray(data)
    changed[at + 2] ^= 1
    with pytest.raises(UserError, match="head chunk: mean is damaged"):
        Decoder(MODEL, bytes(changed))
    assert GREY == 128 and next(Decoder(MODEL, mend(bytes(changed))).frames()).mean() != CLIP[0].mean()


def test_another_familys_model_and_options_that_it_has_not_are_refused(data):
    class Other(toy_family.Model):
        family = "other"

    with pytest.raises(UserError, match="brings its own model, of family toy; give no other"):
        Decoder(Other(), data)
    with pytest.raises(UserError, match="mode=fixed: this family has none but range"):
        Encoder(MODEL, mode="fixed")


def test_a_bundle_of_version_3_finds_its_family_by_name(tmp_path, monkeypatch):
    path = tmp_path / "toy.safetensors"
    bundle = make_bundle("b", "toy", "3", {"width": 3}, {"weights/x": np.arange(3.0)}, {"step": 7}, "float32")
    save_bundle(path, bundle)
    back = read_bundle(path)
    assert back._replace(tensors={}, path=None) == bundle._replace(tensors={})
    np.testing.assert_array_equal(back.tensors["weights/x"], bundle.tensors["weights/x"])
    with pytest.raises(UserError, match=r"toy.safetensors: unknown family 'toy'; this program knows msvqvae"):
        load_model(path)
    monkeypatch.setitem(FAMILIES, "toy", "tests.codec.toy_family")
    monkeypatch.setattr(toy_family, "model", lambda found: (found.config, found.family), raising=False)
    assert load_model(path) == ({"width": 3}, "toy")
    other = make_bundle("b", "toys", "3", bundle.config, bundle.tensors, {}, "float32")
    assert other.digest != bundle.digest
    with pytest.raises(ValueError, match="version 2 of family 'toy'"):
        make_bundle("b", "toy", "2", {}, {}, {})


def test_info_describes_a_file_of_any_family(data, tmp_path, monkeypatch):
    path = tmp_path / "a.msv"
    path.write_bytes(data)
    with pytest.raises(UserError, match="unknown family 'toy'"):
        describe(path)
    monkeypatch.setitem(FAMILIES, "toy", "tests.codec.toy_family")
    layout = SimpleNamespace(parse=lambda h: SimpleNamespace(describe=lambda: {"says": h.family_header.decode()}))
    monkeypatch.setattr(toy_family, "Layout", layout, raising=False)
    facts = describe(path)
    assert (facts["family"], facts["says"], facts["frames"], list(facts["payload_bytes"])) == (
        "toy",
        "toy",
        13,
        ["mean", "coarse", "rest"],
    )
    assert (facts["bundle"], facts["head_damaged"], facts["payload_bytes"]["mean"]) == (None, False, 1)


def test_damaged_files_end_in_one_line_or_in_as_many_frames_as_they_promise(data):
    rng, outcomes = random.Random(5), Counter()
    with memory_ceiling():
        for number in range(600):
            damaged = mend(mutate(data, rng), rebuild_index=number % 2 == 1)
            outcomes[outcome(damaged)] += 1
    assert min(outcomes[name] for name in ("refused", "damaged", "whole")) > 20, outcomes


def outcome(data):
    try:
        with Decoder(MODEL, data) as decoder:
            header = decoder.reader.header
            frames = sum(1 for _ in decoder.frames(on_error="skip"))
    except UserError as error:
        assert "\n" not in str(error)
        return "refused"
    assert frames == min(header.frames, decoder.reader.whole_chunks * header.chunk_frames)
    return "damaged" if decoder.damaged else "whole"
