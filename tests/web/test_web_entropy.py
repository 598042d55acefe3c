"""Golden files in Node: bit for bit what Python finds, with kernels and without."""

import hashlib
import json
from pathlib import Path

import numpy as np

from tests.codec.example_bundle import golden_model
from tests.codec.golden.make import FILES
from tests.ntc.codec.test_ntc_golden import golden_model as golden_ntc
from tests.web.in_node import done, needs_node
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.msvqvae.codec.windows import CodedChunk

pytestmark = needs_node
TOKENS, NTC = (Path(__file__).parents[1] / folder / "golden" for folder in ("codec", "ntc/codec"))


def chunk_digest(content) -> str:
    """As `harness.mjs` makes it."""
    if isinstance(content, CodedChunk):
        return hashlib.sha256(b"".join(grid.astype("<u2").tobytes() for grid in content.indices.values())).hexdigest()
    return hashlib.sha256(content[1].astype("<i4").tobytes()).hexdigest()


def check_golden(folder, names, model_of, bundle_of, tmp_path):
    jobs, expected = [], []
    for name in names:
        for wasm in (True, False):
            job = {"file": folder / f"{name}.msv", "model": folder / f"{bundle_of(name)}.safetensors", "wasm": wasm}
            jobs.append(job | {"pictures": tmp_path / f"{name}_{wasm}.rgb"})
            with Decoder(model_of(name), folder / f"{name}.msv") as decoder:
                chunks = [chunk_digest(decoder.content(chunk)) for chunk in range(decoder.reader.chunk_count)]
                expected.append((chunks, np.stack(list(decoder.frames()))))
    for job, result, (chunks, frames) in zip(jobs, done(*jobs), expected, strict=True):
        assert result["chunks"] == chunks, job
        assert result["notes"] == [] and not result["indexDamaged"]
        found = np.fromfile(job["pictures"], np.uint8).reshape(frames.shape)
        assert np.abs(found.astype(int) - frames).max() <= 1, job


def test_golden_files_of_indices_are_those_of_python_in_every_mode_and_of_both_formats_of_bundles(tmp_path):
    def model_of(name):
        return golden_model(2 if FILES[name][0].endswith("2") else 1, FILES[name][0].startswith("contexts"))

    names = json.loads((TOKENS / "golden.json").read_text())
    assert len(names) == 10
    check_golden(TOKENS, names, model_of, lambda name: FILES[name][0], tmp_path)


def test_golden_files_of_latents_are_those_of_python_with_motion_and_beyond_the_tables(tmp_path):
    bundles = {name: facts["bundle"] for name, facts in json.loads((NTC / "golden.json").read_text()).items()}
    check_golden(NTC, bundles, lambda name: golden_ntc(bundles[name]), bundles.__getitem__, tmp_path)


def test_kernels_that_were_given_back_are_made_anew_and_no_chunk_is_mixed_with_another():
    tokens = {"what": "release", "file": TOKENS / "contexts.msv", "model": TOKENS / "contexts2.safetensors"}
    latents = {"what": "release", "file": NTC / "low.msv", "model": NTC / "usual.safetensors"}
    for found in (results := done(tokens, latents)):
        assert found["before"] == found["behind"]
    # What NTC hands from unit to unit is one chunk's alone; windows of indices stand for themselves.
    assert results[0]["error"] is None
    assert results[1]["error"] == "another chunk was begun before this one was done"


def test_a_file_without_a_model_says_what_it_holds(tmp_path):
    file = tmp_path / "toy.msv"
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
    listing = page.split("of the only frame.\n\n")[1].split("\n\n")[0]
    file.write_bytes(b"".join(bytes.fromhex(line.strip().split("   ")[0]) for line in listing.splitlines()))
    inspected, refused = done(
        {"what": "inspect", "file": file},
        {"file": file, "model": NTC / "usual.safetensors"},
    )
    assert inspected["version"] == 2 and inspected["family"] == "toy" and inspected["headParts"] == ["model"]
    assert inspected["sizes"] == [[7]] and inspected["head"] == [7] and inspected["notes"] == []
    assert "was coded with bundle 0001020304050607" in refused["refused"]
