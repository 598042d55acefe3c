"""Files written once are decoded for ever: to the same latents bit for bit, to the same pictures but for rounding."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.ntc.codec import second_reading
from tests.ntc.codec.golden.make import FILES, describe
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.entropy.logistic_tables import RADIUS
from vqvae_jax.families import load_model

FOLDER = Path(__file__).parent / "golden"
GOLDEN = json.loads((FOLDER / "golden.json").read_text())


@cache
def golden_model(name):
    return load_model(FOLDER / f"{name}.safetensors")


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_file_holds_what_it_held(name):
    expected = dict(GOLDEN[name])
    with Decoder(golden_model(expected.pop("bundle")), FOLDER / f"{name}.msv") as decoder:
        found = describe(decoder)
    # A pixel on the edge between two values may round otherwise on another processor.
    np.testing.assert_allclose(found.pop("frame_means"), expected.pop("frame_means"), atol=0.05)
    assert found == expected


def test_the_golden_files_are_small_all_there_and_leave_the_tables():
    files = list(FOLDER.iterdir())
    assert {path.stem for path in files if path.suffix == ".msv"} == set(GOLDEN) == set(FILES)
    assert sum(path.stat().st_size for path in files if path.is_file()) < 250_000
    assert GOLDEN["beyond_the_tables"]["largest"] > 2 * RADIUS


@pytest.mark.parametrize("name", ["between", "one_frame", "beyond_the_tables"])
def test_a_decoder_written_from_the_description_finds_the_same_latents(name):
    bundle = second_reading.Bundle(FOLDER / f"{GOLDEN[name]['bundle']}.safetensors")
    with Decoder(golden_model(GOLDEN[name]["bundle"]), FOLDER / f"{name}.msv") as decoder:
        rate = int.from_bytes(decoder.reader.header.family_header, "little")
        payload = decoder.reader.read_chunk(0)["y"]
        _, expected = decoder.content(0)
    units = second_reading.latents(bundle, payload, rate, *expected.shape[:3])
    np.testing.assert_array_equal(np.array(units, np.int64), expected)
