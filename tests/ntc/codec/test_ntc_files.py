"""Files of this family: what goes in comes out, from any place, in any size, and damage stays where it is."""

import io
import random
from fractions import Fraction

import numpy as np
import pytest

from tests.container.mend import mend
from tests.container.mutate import mutate
from tests.ntc.narrow import NARROW, clips, narrow_bundle, narrow_model
from vqvae_jax.codec.bundle import read_bundle, save_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Chunk
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model, token_model
from vqvae_jax.ntc.codec.layout import Layout, rate_of
from vqvae_jax.ntc.codec.weights import unpack_weights

VIDEO = clips(shape=(21, 30, 21))[0]


def coded(quality=60.0, video=VIDEO, **options):
    out = io.BytesIO()
    result = Encoder(narrow_model(), quality=quality, **options).encode(video, out, Fraction(16))
    return out.getvalue(), result


@pytest.fixture(scope="module")
def file():
    return coded()[0]


def frames(data, *arguments, **options):
    with Decoder(narrow_model(), data) as decoder:
        return np.stack(list(decoder.frames(*arguments, **options)))


def test_a_video_of_any_size_and_length(file):
    decoded = frames(file)
    assert decoded.shape == VIDEO.shape
    with Decoder(narrow_model(), file) as decoder:
        assert decoder.reader.header.chunk_frames == NARROW.clip[0] and decoder.reader.header.family == "ntc"
        frames_of, latents = decoder.content(2)  # 5 frames are two units of four
        assert frames_of == 5 and latents.shape == (2, 4, 3, NARROW.latents)
        assert np.abs(latents).max() > 1
    np.testing.assert_array_equal(frames(file, 9, 6), decoded[9:15])
    one = coded(video=VIDEO[:1])[0]
    assert frames(one).shape == (1, 30, 21, 3)


def test_higher_qualities_cost_more_and_groups_are_as_long_as_asked_for():
    sizes = [coded(quality)[1].bytes for quality in (0.0, 50.0, 100.0)]
    assert sizes == sorted(set(sizes))
    data, result = coded(chunk_frames=20)
    assert result.chunks == 2 and frames(data).shape == VIDEO.shape
    assert rate_of(50.0, 321) == 160


def test_encoder_and_decoder_have_the_same_frames(file):
    """The second group of pictures, coded alone, is the same: groups are closed."""
    second, _ = coded(video=VIDEO[8:16])
    np.testing.assert_array_equal(frames(second), frames(file, 8, 8))


def test_bytes_are_what_the_symbols_cost():
    from vqvae_jax.ntc.codec.latents import Walk, Writer

    rng = np.random.default_rng(0)
    walk = (narrow_model().prior, 50, 65000, (8, 8))
    writer = Writer(Walk(*walk))
    written = [writer.unit(rng.normal(0, 6, (8, 8, NARROW.latents))) for _ in range(4)]
    payload = writer.payload()
    assert abs(8 * len(payload) - writer.bits) < 0.001 * writer.bits + 56
    for q, again in zip(written, Walk(*walk).read(payload, 4), strict=True):
        np.testing.assert_array_equal(q, again)


def test_likely_zeros_are_not_coded():
    from vqvae_jax.ntc.codec.latents import Walk, Writer

    y = np.random.default_rng(1).normal(0, 0.6, (8, 8, NARROW.latents))
    all_coded, fewer = (Writer(Walk(narrow_model().prior, 50, skip, (8, 8))) for skip in (65536, 20000))
    first, second = all_coded.unit(y), fewer.unit(y)
    assert len(fewer.payload()) < len(all_coded.payload())
    assert np.count_nonzero(second) < np.count_nonzero(first)


def test_effort_finds_a_cheaper_file():
    video = clips(shape=(8, 16, 24), seed=3)[0]

    def cost(effort):
        data, result = coded(100.0, video, effort=effort)
        squared = np.mean((frames(data).astype(float) - video) ** 2)
        return result.payload_bytes["y"] * 8 / (8 * 16 * 24) + NARROW.lambdas[-1] * squared

    assert cost(30) < cost(0)


def test_what_is_encoded_at_the_largest_size_is_decoded(monkeypatch):
    monkeypatch.setattr("vqvae_jax.codec.interface.MAX_CHUNK_PIXELS", 8 * 32 * 24)
    for video, options in ((VIDEO[:3], {}), (VIDEO[:9], {"chunk_frames": 8}), (VIDEO[:1], {"chunk_frames": 4})):
        assert frames(coded(video=video, **options)[0]).shape == video.shape
    with pytest.raises(UserError, match="can be coded"):
        coded(chunk_frames=12)


def test_latents_that_are_not_finite_are_said():
    from vqvae_jax.ntc.codec.latents import Walk, Writer

    with pytest.raises(UserError, match="not finite"):
        Writer(Walk(narrow_model().prior, 0, 65536, (2, 2))).unit(np.full((2, 2, NARROW.latents), np.nan))


def test_damage_costs_its_own_group_alone(file):
    whole = frames(file)
    middle = bytearray(file)
    at = file.index(b"\x00", len(file) // 2)
    middle[at] ^= 0xFF
    with Decoder(narrow_model(), bytes(middle)) as decoder:
        seen = np.stack(list(decoder.frames(on_error="skip")))
        lost = set(decoder.damaged)
    assert len(lost) == 1
    for chunk in {0, 1, 2} - lost:
        np.testing.assert_array_equal(seen[8 * chunk : 8 * chunk + 8], whole[8 * chunk : 8 * chunk + 8])


def test_mutated_files_end_in_one_line_or_in_latents(file):
    rng = random.Random(5)
    outcomes = set()
    for number in range(300):
        data = mutate(file, rng)
        data = mend(data, rebuild_index=rng.random() < 0.5) if number % 2 else data
        try:
            with Decoder(narrow_model(), data) as decoder:
                for chunk in range(decoder.reader.whole_chunks):
                    try:
                        _, latents = decoder.content(chunk)
                        assert np.abs(latents).max() <= 1 << 15
                        outcomes.add("decoded")
                    except UserError as error:
                        assert "\n" not in str(error)
                        outcomes.add("damaged")
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"decoded", "damaged", "refused"}


def test_what_the_family_does_not_have_is_refused():
    for options, said in (
        ({"quality": 101.0}, "quality=101.0 is not allowed; expected a number from 0 to 100"),
        ({"rate_weight": 0.1}, "--quality chooses its rate"),
        ({"mode": "fixed"}, "files are always range"),
        ({"chunk_frames": 6}, "a multiple of 4 frames"),
        ({"effort": -1}, "effort=-1"),
        ({"effort": 2.5}, "effort=2.5"),
        ({"quality": "50"}, "quality='50' is not allowed; expected a finite number"),
    ):
        with pytest.raises(UserError, match=said):
            Encoder(narrow_model(), **options)
    with pytest.raises(UserError, match="at most 64 frames"):
        coded(effort=1, chunk_frames=68)
    with pytest.raises(UserError, match="has no tokens"):
        token_model(narrow_model())


def test_headers_and_streams_of_others_are_refused(file):
    with Decoder(narrow_model(), file) as decoder:
        header, coder = decoder.reader.header, decoder._coder
    assert Layout.parse(header).describe() == {"rate": rate_of(60.0, NARROW.rates)}
    with pytest.raises(UserError, match="cannot read"):
        Layout.parse(_with(header, family_header=b"\x02\x00\x00"))
    with pytest.raises(UserError, match="not y"):
        Layout.parse(_with(header, parts=("top",)))
    with pytest.raises(UserError, match="its rate is number 5000"):
        narrow_model().decoder(_with(header, family_header=Layout(5000).pack()), {})
    for payload in (b"", b"\x00" * 5, b"\xff" * 40):
        with pytest.raises(UserError):
            coder.unpack(Chunk(8, {"y": payload}))


def _with(header, **changes):
    from dataclasses import replace

    return replace(header, **changes)


def test_a_bundle_is_read_as_it_was_written(tmp_path, file):
    path = tmp_path / "narrow.safetensors"
    save_bundle(path, narrow_bundle())
    assert read_bundle(path).family == "ntc"
    with Decoder(load_model(path), file) as decoder:
        np.testing.assert_array_equal(np.stack(list(decoder.frames())), frames(file))


@pytest.mark.parametrize("tensor", ["prior/now", "weights/up/kernel"])
def test_a_bundle_that_lacks_something_is_refused_by_name(tensor):
    bundle = narrow_bundle()
    tensors = {name: value for name, value in bundle.tensors.items() if name != tensor}
    from vqvae_jax.ntc.codec.model import NtcModel

    with pytest.raises(UserError, match=f"tensor {tensor} is missing"):
        NtcModel(bundle._replace(tensors=tensors))


def test_a_bundle_with_weights_that_the_model_has_no_place_for_is_refused_by_name():
    bundle = narrow_bundle()
    extra = {"weights/motion/kernel": bundle.tensors["weights/up/kernel"]}
    with pytest.raises(UserError, match="tensor weights/motion/kernel: no part of this model"):
        unpack_weights(bundle._replace(tensors=bundle.tensors | extra))
