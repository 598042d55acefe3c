"""Frames of every configuration within one level of JAX's, from bundles and from packed models."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.codec.example_bundle import example_contexts, moving
from tests.msvqvae.narrow_models import FAMILY, narrow, started
from tests.web.in_node import done, needs_node
from tests.web.playable import playable
from tests.web.test_web_entropy import TOKENS
from vqvae_jax.codec.bundle import make_bundle, save_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.families import load_model
from vqvae_jax.msvqvae.codec.weights import pack_weights
from vqvae_jax.packaged import packaged
from vqvae_jax.web.pack import pack_model

pytestmark = needs_node
VARIANTS = {
    **{name: narrow(name) for name in FAMILY},
    "layer norm, groups": replace(narrow("tiny"), norm="layer", groups=2),
    "full blocks, patches": replace(narrow("edge4"), block="full"),
    "without level dropout": replace(narrow("tiny"), level_dropout=0.0),
}


def coded(bundle, clip, folder, **options):
    """A file of a clip; frames of each of its layers, and all."""
    model, file = load_model(bundle), folder / "clip.msv"
    Encoder(model, **options).encode(clip, file, Fraction(30000, 1001))
    with Decoder(model, file) as decoder:
        return file, {level: np.stack(list(decoder.frames(level=level))) for level in (*decoder.layers, None)}


def check_frames(file, models, expected, folder):
    jobs = [
        {"file": file, "model": model, "level": level, "pictures": folder / f"{number}_{level}.rgb"}
        for number, model in enumerate(models)
        for level in expected
    ]
    for job, result in zip(jobs, done(*jobs), strict=True):
        assert "refused" not in result, result
        frames = expected[job["level"]]
        found = np.fromfile(job["pictures"], np.uint8).reshape(frames.shape).astype(int)
        assert np.abs(found - frames).max() <= 1, job
        # Rounding alone: nearly all are the same.
        assert np.mean(found != frames) < 0.01


@pytest.mark.parametrize("name", VARIANTS)
def test_narrow_models_of_every_named_configuration_show_what_jax_does(name, tmp_path):
    config = VARIANTS[name]
    _, params, codebooks = started(config)
    bundle = tmp_path / "model.safetensors"
    save_bundle(bundle, pack_weights(name, config, params, codebooks, example_contexts(config), {}, "float32"))
    clip = moving(19, 21, 27)
    file, expected = coded(bundle, clip, tmp_path, chunk_frames=8)
    assert len(expected) == len(config.levels) + 1
    check_frames(file, [bundle], expected, tmp_path)


def test_a_window_too_large_for_the_memory_is_decoded_in_pieces_to_the_same_frames(tmp_path):
    config = VARIANTS["tiny"]
    _, params, codebooks = started(config)
    bundle, pictures = tmp_path / "model.safetensors", tmp_path / "pieces.rgb"
    save_bundle(bundle, pack_weights("tiny", config, params, codebooks, example_contexts(config), {}, "float32"))
    file, model = tmp_path / "clip.msv", load_model(bundle)
    Encoder(model, chunk_frames=60).encode(moving(70, 16, 24), file, Fraction(25))
    whole, cut = done(
        {"file": file, "model": bundle, "pictures": tmp_path / "whole.rgb", "windowPixels": 2**20},
        {"file": file, "model": bundle, "pictures": pictures, "windowPixels": 1},
    )
    assert whole["pieces"] == [60] and len(cut["pieces"]) > 2 and sum(cut["pieces"]) == 60
    assert pictures.read_bytes() == (tmp_path / "whole.rgb").read_bytes()
    assert pictures.stat().st_size == 70 * 16 * 24 * 3


@pytest.mark.slow
@pytest.mark.parametrize("name", playable())
def test_models_of_the_package_show_what_jax_does_at_odd_sizes_packed_or_not(name, tmp_path):
    bundle, packed = packaged()[name], tmp_path / "packed"
    packed.write_bytes(pack_model(bundle))
    file, expected = coded(bundle, moving(37, 21, 35), tmp_path)
    check_frames(file, [bundle, packed], expected, tmp_path)


def test_what_is_no_model_is_refused_with_one_line(tmp_path):
    good = packaged()["ntc"].read_bytes()
    tensor = {"tensor": np.zeros(3, np.float32)}
    save_bundle(tmp_path / "other", make_bundle("other", "toy", "3", {}, tensor, {}, "float32"))
    flipped = bytearray(good)
    flipped[-1000] ^= 1
    cases = {"text": b"no model", "cut": good[:-7], "flipped": bytes(flipped), "empty": b""}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    jobs = [{"file": TOKENS / "contexts.msv", "model": tmp_path / name} for name in (*cases, "other")]
    said = [result["refused"] for result in done(*jobs)]
    expected = ["no readable", "no readable", "digest does not fit", "no readable", "of family toy, which this player"]
    assert all(part in line for part, line in zip(expected, said, strict=True)), said
