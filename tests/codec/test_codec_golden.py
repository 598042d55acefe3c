"""Files written once are decoded for ever: to the same indices bit for bit, to the same pictures but for rounding."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.codec.example_bundle import golden_model, save_example
from tests.codec.golden.make import FILES, describe
from vqvae_jax.codec.decoder import Decoder

FOLDER = Path(__file__).parent / "golden"
GOLDEN = json.loads((FOLDER / "golden.json").read_text())


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_file_holds_what_it_held(name):
    expected = GOLDEN[name]
    which = expected["levels"], FILES[name][0].startswith("contexts")
    with Decoder(golden_model(*which), FOLDER / f"{name}.msv") as decoder:
        found = describe(decoder)
    # A pixel on the edge between two values may round otherwise on another processor; another context would not pass.
    np.testing.assert_allclose(found.pop("frame_means"), expected["frame_means"], atol=0.05)
    assert found == {key: value for key, value in expected.items() if key != "frame_means"}


def test_the_golden_files_are_small_and_all_there():
    files = list(FOLDER.iterdir())
    assert {path.stem for path in files if path.suffix == ".msv"} == set(GOLDEN) == set(FILES)
    assert sum(path.stat().st_size for path in files if path.is_file()) < 250_000


@pytest.mark.parametrize("contexts", [False, True])
@pytest.mark.parametrize("levels", [1, 2])
def test_bundles_are_still_written_as_they_were(tmp_path, levels, contexts):
    assert save_example(tmp_path / "a.safetensors", levels, contexts) == golden_model(levels, contexts).digest
