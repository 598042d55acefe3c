"""Files of this family: what goes in comes out, from any group on, and damage stays where it is."""

import json
import random
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest

from tests.container.mend import mend
from tests.container.mutate import mutate
from tests.envc.codec.coded_envc import SMALL, Seen, coded, frames, small_bundle, small_model, video
from vqvae_jax.cli import main
from vqvae_jax.codec.bundle import read_bundle, save_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Chunk, Options, VideoInfo
from vqvae_jax.envc.codec import checks
from vqvae_jax.envc.codec.layout import PREDICTORS, Layout
from vqvae_jax.envc.config import PredictorName
from vqvae_jax.errors import UserError
from vqvae_jax.families import family, load_model, token_model

pytestmark = pytest.mark.slow
VIDEO = video(9)


@pytest.fixture(scope="module")
def file():
    return coded(VIDEO, chunk_frames=4)[0]


def test_groups_are_closed_and_decoded_from_any_of_them(file):
    whole = frames(file)
    assert whole.shape == VIDEO.shape
    np.testing.assert_array_equal(frames(file, 5, 3), whole[5:8])
    np.testing.assert_array_equal(frames(coded(VIDEO[4:8])[0]), whole[4:8])
    with Decoder(small_model(), file) as decoder:
        assert decoder.reader.header.family == "envc" and decoder.reader.chunk_count == 3
        latents, check = decoder.content(0)
        assert [len(frame) for frame, _ in latents] == [2, 3, 3, 3] and len(check) == checks.size_of(4) == 7
        assert latents[1][0].r.shape == (1, 4, 4, SMALL.latents) and np.abs(latents[1][0].r).max() > 2


def test_a_group_is_twelve_frames_or_what_a_chunk_can_hold():
    model = small_model()
    assert model.chunk_frames(320, 240, Options()) == model.chunk_frames(1920, 1080, Options()) == 12
    assert model.chunk_frames(3840, 2160, Options()) == 4
    assert model.chunk_frames(64, 64, Options(chunk_frames=32)) == 32


def test_a_hundred_frames_do_not_drift(monkeypatch):
    encoder, clip = Seen(monkeypatch), video(100, seed=1)
    data, _ = coded(clip, chunk_frames=100)
    decoder = Seen(monkeypatch)
    assert frames(data).shape == clip.shape
    assert len(decoder.references) == 100
    np.testing.assert_array_equal(encoder.references[:100], decoder.references)
    assert encoder.integers[:100] == decoder.integers


def test_what_another_machine_computes_otherwise_is_an_error_and_no_picture(file, monkeypatch):
    programs = small_model().programs
    reconstruct, mixture = programs.reconstruct, programs.mixture
    for name, otherwise, said in (
        ("reconstruct", lambda *a: (reconstruct(*a)[0] * (1 + 2**-20), reconstruct(*a)[1]), "its frame 1 is not the"),
        # Distributions that are the same but for their place: the stream itself reads well to its end.
        ("mixture", lambda *a: _changed(mixture(*a), means=1.0), "its frame 0 is not the one that was coded"),
        ("mixture", lambda *a: _changed(mixture(*a), scales=2.0), "computes other numbers than this"),
    ):
        with monkeypatch.context() as patch, pytest.raises(UserError, match=said):
            patch.setattr(programs, name, otherwise)
            frames(file)


def _changed(found, **added):
    return found._replace(**{name: getattr(found, name) + more for name, more in added.items()})


def test_bits_of_each_part_add_up_to_the_stream():
    encoder = small_model().encoder(VideoInfo(64, 64, 64, 64, Fraction(25)), Options())
    (chunk,) = encoder.chunks(iter(VIDEO[:5]))
    assert set(encoder.bits) == {"intra_z", "intra_y", "inter_m", "inter_z", "inter_r"}
    bits = sum(encoder.bits.values())
    stream = 8 * (len(chunk.parts["y"]) - checks.size_of(5))
    assert bits <= stream <= 1.001 * bits + 64


def test_damage_costs_its_own_group_alone(file):
    whole = frames(file)
    middle = bytearray(file)
    middle[len(file) // 2] ^= 0xFF
    with Decoder(small_model(), bytes(middle)) as decoder:
        seen = np.stack(list(decoder.frames(on_error="skip")))
        (lost,) = decoder.damaged
    for chunk in {0, 1, 2} - {lost}:
        np.testing.assert_array_equal(seen[4 * chunk : 4 * chunk + 4], whole[4 * chunk : 4 * chunk + 4])
    with pytest.raises(UserError):
        frames(file[: len(file) // 2])


def test_mutated_files_end_in_one_line_or_in_what_was_written(file):
    rng = random.Random(5)
    whole = frames(file)
    outcomes = set()
    for number in range(200):
        data = mutate(file, rng)
        data = mend(data, rebuild_index=rng.random() < 0.5) if number % 2 else data
        try:
            with Decoder(small_model(), data) as decoder:
                header = decoder.reader.header
                if (header.width, header.height) != (64, 64):
                    outcomes.add("resized")  # another program would be compiled
                    continue
                seen = np.stack(list(decoder.frames(on_error="skip")))
                lost = decoder.damaged
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
            continue
        outcomes.add("damaged" if lost else "decoded")
        assert not any("\n" in said for said in lost.values())
        if not number % 2:  # nobody mended its checksums
            for chunk in set(range(len(seen) // 4)) - set(lost):
                np.testing.assert_array_equal(seen[4 * chunk : 4 * chunk + 4], whole[4 * chunk : 4 * chunk + 4])
    assert {"decoded", "damaged", "refused"} <= outcomes


def test_a_stream_whose_checksums_fit_is_still_compared_with_its_pictures(file):
    with Decoder(small_model(), file) as decoder:
        payload, coder = bytearray(decoder.reader.read_chunk(0)["y"]), decoder._coder
    payload[1] ^= 1  # the check of the second frame
    with pytest.raises(UserError, match="its frame 1 is not"):
        coder.decode([], coder.unpack(Chunk(4, {"y": bytes(payload)})), [], None)
    for other in (b"", b"\x00" * 12, b"\xff" * 60, bytes(payload[:-3])):
        with pytest.raises(UserError):
            coder.unpack(Chunk(4, {"y": other}))


def test_what_the_family_does_not_have_is_refused():
    for options, said in (
        ({"quality": 50.0}, "quality=50.0: 'small' is of family envc, whose models have one rate each"),
        ({"rate_weight": 0.1}, "choose another bundle"),
        ({"mode": "fixed"}, "files are always range"),
        ({"effort": 1}, "effort=1"),
        ({"chunk_frames": 0}, "at least 1 frame"),
    ):
        with pytest.raises(UserError, match=said):
            Encoder(small_model(), **options)
    with pytest.raises(UserError, match="has no tokens"):
        token_model(small_model())


def test_headers_and_models_of_others_are_refused(file):
    with Decoder(small_model(), file) as decoder:
        header = decoder.reader.header
    assert family("envc").Layout.parse(header).describe() == {
        "ar": False,
        "predictor": "cross_scale",
        "residual": "feature",
        "refine": True,
    }
    assert get_args(PredictorName) == PREDICTORS
    for predictor in PREDICTORS:
        layout = Layout(True, predictor, "pixel", False)
        assert Layout.parse(replace(header, family_header=layout.pack())) == layout
    for changes, said in (({"family_header": b"\x20"}, "cannot read"), ({"parts": ("top",)}, "not y")):
        with pytest.raises(UserError, match=said):
            Layout.parse(replace(header, **changes))
    with pytest.raises(UserError, match="its header is of a model with"):
        small_model().decoder(replace(header, family_header=b"\x01"), {})
    other = small_bundle(SMALL, "bfloat16")
    with pytest.raises(UserError, match="was coded with bundle"):
        Decoder(type(small_model())(other), file)


def test_a_bundle_is_read_as_it_was_written(tmp_path, file):
    path = tmp_path / "small.safetensors"
    save_bundle(path, small_bundle())
    assert read_bundle(path).family == "envc"
    with Decoder(load_model(path), file) as decoder:
        np.testing.assert_array_equal(np.stack(list(decoder.frames(0, 4))), frames(file, 0, 4))
    params, extras = family("envc").start(read_bundle(path))
    assert set(params) == {"intra", "inter"} and not extras


def test_commands_take_it(tmp_path, capsys):
    model, source, out, back = (str(tmp_path / name) for name in ("m.safetensors", "v.npy", "v.msv", "w.npy"))
    save_bundle(model, small_bundle())
    np.save(source, VIDEO)
    main.run(["encode", source, out, "--bundle", model, "--gop", "4", "--source-fps", "25", "--size", "native"])
    assert "another bundle has others" in capsys.readouterr().err
    main.run(["decode", out, back, "--bundle", model, "--start", "4", "--frames", "5"])
    np.testing.assert_array_equal(np.load(back), frames(coded(VIDEO, chunk_frames=4)[0], 4, 5))
    main.run(["info", out, "--json"])
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1])["predictor"] == "cross_scale"


def test_bundles_that_do_not_fit_are_refused_by_name():
    bundle = small_bundle()

    def without(name):
        return {key: value for key, value in bundle.tensors.items() if key != name}

    extra = {"weights/inter/flow/kernel": np.zeros(3, np.float32)}
    for changed, said in (
        ({"tensors": without("weights/intra/g_a/step_0/kernel")}, "tensor weights/intra/g_a/step_0/kernel is missing"),
        ({"tensors": without("tables/inter_m")}, "tensor tables/inter_m is missing"),
        ({"tensors": bundle.tensors | extra}, "tensor weights/inter/flow/kernel: no part of this model"),
        ({"config": {}}, "its configuration is no envc model's"),
        ({"config": {"model": bundle.config["model"] | {"width": 10**9}}}, "model.width=1000000000"),
        ({"config": {"model": bundle.config["model"] | {"latents": 6}}}, "is not float32"),
    ):
        with pytest.raises(UserError, match=said):
            family("envc").model(bundle._replace(**changed))
